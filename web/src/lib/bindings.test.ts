import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ACTIONS, conflicts, heardAs, isSingle, keysOf, readBindings, USUAL } from "./bindings";

const action = (id: string) => ACTIONS.find((one) => one.id === id)!;
const own = (keys: Record<string, string | null>) => ({ single: true, own: keys });

test("what is bound to nothing else is heard as it is pressed", () => {
  expect(heardAs("g f", "/", USUAL)).toBe("g f");
  expect(heardAs("ArrowDown", "/", USUAL)).toBe("ArrowDown");
  expect(heardAs("z", "/", USUAL)).toBe("z");
});

test("an action bound otherwise is heard by its own keys and no longer by the usual ones", () => {
  const given = own({ "task.new": "t" });
  expect(heardAs("t", "/", given)).toBe("c");
  expect(heardAs("c", "/", given)).toBe(null);
});

test("keys of one page are bound otherwise without touching those of another", () => {
  const given = own({ "agent.pause": "z" });
  expect(heardAs("z", "/agents/heron", given)).toBe("p");
  expect(heardAs("p", "/agents/heron", given)).toBe(null);
  expect(heardAs("p", "/tasks/tsk_1/changes", given)).toBe("p");
});

test("single keys can be switched off, and keys with Ctrl stay", () => {
  const given = { single: false, own: {} };
  expect([heardAs("c", "/", given), heardAs("g f", "/", given), heardAs("/", "/", given)]).toEqual([null, null, null]);
  expect([heardAs("mod+k", "/", given), heardAs("ArrowUp", "/", given), heardAs("Escape", "/", given)]).toEqual(["mod+k", "ArrowUp", "Escape"]);
});

test("what is switched off is heard as nothing", () => {
  expect(heardAs("c", "/", own({ "task.new": null }))).toBe(null);
});

test("a conflict is the same keys, or keys that begin alike, where both are heard", () => {
  expect(conflicts(action("task.new"), "j", USUAL).map((one) => one.id)).toEqual(["row.next"]);
  expect(conflicts(action("task.new"), "g", USUAL).length).toBeGreaterThan(5);
  expect(conflicts(action("card.move"), "p", USUAL)).toEqual([]);
  expect(conflicts(action("card.move"), "e", USUAL).map((one) => one.id)).toEqual(["card.archive"]);
});

test("what comes with muster does not collide with itself", () => {
  for (const one of ACTIONS) expect([one.id, conflicts(one, one.keys, USUAL).map((other) => other.id)]).toEqual([one.id, []]);
});

test("what was kept is read as far as it means something", () => {
  expect(readBindings({ single: false, own: { "task.new": "t", theme: null, ghost: "x", help: 3 } })).toEqual({ single: false, own: { "task.new": "t", theme: null } });
  expect(readBindings("nonsense")).toBe(null);
  expect(keysOf(action("theme"), own({ theme: null }))).toBe(null);
});

/** Keys that pages hear, as they stand in the sources. */
function heard(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return heard(path);
    if (!/\.tsx?$/.test(entry.name) || entry.name.includes(".test.")) return [];
    const text = readFileSync(path, "utf8");
    return [...text.matchAll(/useKeys\((?:\w+ \? )?\{(.*?)\}(?: : \{\})?\);/gs)].flatMap(([, body]) =>
      [...body!.matchAll(/(?:^|[,{]\s*|\n\s*)(?:"([^"]+)"|([A-Za-z]+)): /g)].map(([, quoted, plain]) => quoted ?? plain!));
  });
}

test("every key that a page hears stands in the list, so that it is shown and can be rebound", () => {
  const known = new Set(ACTIONS.map((one) => one.keys));
  const found = heard(join(import.meta.dirname, ".."));
  expect(found.length).toBeGreaterThan(30);
  expect([...new Set(found)].filter((keys) => !known.has(keys) && (isSingle(keys) || keys.startsWith("mod+")))).toEqual([]);
});
