import { expect, test } from "vitest";
import type { TaskRow } from "@/api/types";
import { rowsOf } from "./lanes";

const at = (minute: number) => new Date(minute * 60_000).toISOString();
const ran = (id: string, agent: string, from: number, to: number | null) => ({ id, agent_id: agent, project_id: "p", project: "one", started_at: at(from), finished_at: to === null ? null : at(to) }) as TaskRow;

test("runs that overlap are drawn below each other, those that follow on the same line", () => {
  const rows = rowsOf([ran("b", "ann", 15, 25), ran("a", "ann", 10, 20), ran("c", "ann", 20, 30), ran("d", "bob", 10, null)], "agent", 0, 60 * 60_000);
  expect(rows.map((row) => [row.label, row.lanes, row.bars.map((bar) => `${bar.task.id}${bar.lane}`).join(" ")])).toEqual([["ann", 2, "a0 b1 c0"], ["bob", 1, "d0"]]);
});

test("what ended before the time that is shown is left out, what began before it is cut", () => {
  const [row] = rowsOf([ran("a", "ann", 1, 5), ran("b", "ann", 8, 30)], "project", 10 * 60_000, 60 * 60_000);
  expect(row?.bars).toMatchObject([{ task: { id: "b" }, from: 600_000, to: 1_800_000 }]);
});
