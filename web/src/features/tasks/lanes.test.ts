import { expect, test } from "vitest";
import { heightOf, linesOf, rowsOf, type Told } from "./lanes";

const at = (minute: number) => new Date(minute * 60_000).toISOString();
const ran = (id: string, agent: string, from: number, to: number | null, number = 1) => ({ attempt_id: `${id}${number}`, task_id: id, number, agent_id: agent, project_id: "p", project: "one", began_at: at(from), ended_at: to === null ? null : at(to) }) as Told;

test("attempts that overlap are drawn below each other, those that follow on the same line", () => {
  const rows = rowsOf([ran("b", "ann", 15, 25), ran("a", "ann", 10, 20), ran("c", "ann", 20, 30), ran("d", "bob", 10, null)], "agent", 0, 60 * 60_000);
  expect(rows.map((row) => [row.label, row.lanes, row.bars.map((bar) => `${bar.told.task_id}${bar.lane}`).join(" ")])).toEqual([["ann", 2, "a0 b1 c0"], ["bob", 1, "d0"]]);
});

test("what ended before the time that is shown is left out, what began before it is cut", () => {
  const [row] = rowsOf([ran("a", "ann", 1, 5), ran("b", "ann", 8, 30)], "project", 10 * 60_000, 60 * 60_000);
  expect(row?.bars).toMatchObject([{ told: { task_id: "b" }, from: 600_000, to: 1_800_000 }]);
});

test("lines lead from the last attempt of what was waited for to the first of what waited", () => {
  const rows = rowsOf([ran("a", "ann", 1, 5), ran("a", "bob", 6, 9, 2), ran("b", "ann", 10, 20), ran("c", "bob", 21, 30)], "agent", 0, 60 * 60_000);
  const waits = [{ before: "a", after: "b" }, { before: "b", after: "c" }, { before: "x", after: "b" }];
  expect(linesOf(rows, waits, "b")).toEqual([
    { key: "a b", from: [540_000, 52], to: [600_000, 17] },
    { key: "b c", from: [1_200_000, 17], to: [1_260_000, 52] },
  ]);
  expect(linesOf(rows, waits, "a")).toHaveLength(1);
  expect(heightOf(rows)).toBe(70);
});
