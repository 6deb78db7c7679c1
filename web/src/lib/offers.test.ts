import { expect, it } from "vitest";
import type { Worker } from "@/api/types";
import { firstOf, labelOf, offers } from "./offers";

function worker(agents: [string, string, boolean][], capabilities: string[] = []): Worker {
  return { capabilities, facts: { agents: agents.map(([name, version, signed_in]) => ({ name, version, signed_in })) } } as unknown as Worker;
}

it("offers the agents that are there, a real one that can work first", () => {
  const all = offers([worker([["http", "shipped", true], ["scripted", "shipped", true], ["codex", "1.0", false], ["claude", "2.1", true]])]);
  expect(all.map(labelOf)).toEqual(["claude", "codex (not signed in)", "scripted (needs no key)"]);
  expect(firstOf(all)).toBe("claude");
});

it("begins with the one that needs no key where no other can work", () => {
  expect(firstOf(offers([worker([["model", "shipped", true], ["scripted", "shipped", true], ["codex", "1.0", false]])]))).toBe("scripted");
  expect(firstOf([])).toBeUndefined();
});

it("goes by what a worker can do when it does not say what is on its host", () => {
  expect(offers([worker([], ["sandbox:process", "agent:jsonl", "agent:mine"])]).map((offer) => offer.name)).toEqual(["mine"]);
});
