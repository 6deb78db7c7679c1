import { expect, test } from "vitest";
import { type Kind, kindOf, RATES, rateOf, readLive, USUAL } from "./rates";

/** What docs/design/ui.md, section 11, says is the shortest. */
const FLOORS: Record<Kind, number> = { agents: 500, task: 100, lists: 1_000, counts: 1_000, streams: 100, graphs: 2_000 };

test("nothing can be set to be taken up oftener than the specification says", () => {
  for (const [kind, { choices, usual }] of Object.entries(RATES)) {
    expect(Math.min(...choices)).toBeGreaterThanOrEqual(FLOORS[kind as Kind]);
    expect(choices).toContain(usual);
  }
});

test("what was kept is read as far as it is on offer", () => {
  const read = readLive({ pause: false, own: { lists: 5_000, agents: 3, ghosts: 1_000 } })!;
  expect(read).toEqual({ pause: false, own: { lists: 5_000 } });
  expect([rateOf("lists", read), rateOf("agents", read), rateOf("lists", USUAL)]).toEqual([5_000, 1_000, 1_000]);
});

test("queries know what kind of data they are", () => {
  expect([kindOf(["fleet"]), kindOf(["task", "tsk_1"]), kindOf(["overview"]), kindOf(["tasks"])]).toEqual(["agents", "task", "counts", "lists"]);
});
