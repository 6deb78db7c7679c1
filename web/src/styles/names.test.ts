import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const SRC = join(import.meta.dirname, "..");
const CSS = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".css"));
/** Words that only colour or cut a text, and lines between rows: they are meant to be put on anything. */
const ANYWHERE = new Set(["cut", "stale", "mono", "drag", "over-before", "over-after"]);

function selectors(): string[] {
  const text = CSS.map((name) => readFileSync(join(import.meta.dirname, name), "utf8").replace(/\/\*[\s\S]*?\*\//g, "")).join("\n");
  return [...text.matchAll(/([^{};]+)\{/g)].flatMap((rule) => rule[1]!.split(/,(?![^()]*\))/)).map((one) => one.trim()).filter((one) => !one.startsWith("@"));
}

/** Classes that are drawn wherever they stand: nothing beside or before them is asked for. */
function alone(all: string[]): Set<string> {
  return new Set(all.flatMap((one) => /^\.([\w-]+)(?:::?[\w-]+(?:\([^)]*\))?)*$/.exec(one)?.slice(1) ?? []));
}

/** Classes that say how a part is: the second and later ones of `.part.state`. */
function beside(all: string[]): Set<string> {
  return new Set(all.flatMap((one) => [...one.matchAll(/\.[\w-]+((?:\.[\w-]+)+)/g)].flatMap((found) => found[1]!.split(".").filter(Boolean))));
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? sources(path) : entry.name.endsWith(".tsx") && !entry.name.includes(".test.") ? [readFileSync(path, "utf8")] : [];
  });
}

/** Words that are put on a part under a condition: `cx("part", is && "word")`. */
function conditional(): Set<string> {
  const calls = sources(SRC).flatMap((text) => [...text.matchAll(/\bcx\(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)/g)].map((call) => call[1]!));
  return new Set(calls.flatMap((call) => [...call.matchAll(/(?:&&|\?|:)\s*"([\w-]+)"/g)].map((word) => word[1]!)));
}

test("a word for how something is is never also a part that is drawn wherever it stands", () => {
  const all = selectors();
  const parts = alone(all);
  expect(parts.size).toBeGreaterThan(100);
  const words = new Set([...beside(all), ...conditional()]);
  expect(words).toContain("settled");
  expect([...words].filter((word) => parts.has(word) && !ANYWHERE.has(word))).toEqual([]);
});
