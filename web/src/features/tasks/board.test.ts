import { describe, expect, test } from "vitest";
import type { Approval, TaskRow } from "@/api/types";
import { columnsOf, placeOf, type Target, verdict } from "./board";

const task = (id: string, state: TaskRow["state"], more: Partial<TaskRow> = {}) =>
  ({ id, state, queue_id: "q1", queue: "one", project_id: "p1", project: "alpha", priority: "medium", archived_at: null, ...more }) as TaskRow;
const asked = new Map([["asks", {} as Approval]]);
const place = (name: "queued" | "running" | "waiting" | "review" | "done" | "archive" | "cancel"): Target => ({ kind: "place", place: name });

describe("a board", () => {
  test("puts a running task that asks a person into Waiting", () => {
    expect(["ready", "running", "failed"].map((state) => placeOf(task("x", state as TaskRow["state"]), asked))).toEqual(["queued", "running", "done"]);
    expect(placeOf(task("asks", "running"), asked)).toBe("waiting");
  });
  test("puts a result that waits for a verdict into Review, which takes no drops", () => {
    const seen = task("x", "succeeded", { review: "pending" });
    expect([placeOf(seen, asked), placeOf({ ...seen, review: "approved" }, asked)]).toEqual(["review", "done"]);
    expect(verdict(seen, "review", place("done"))).toHaveProperty("refused");
    expect(verdict(seen, "review", place("review"))).toHaveProperty("refused");
    expect(verdict(seen, "review", place("queued"))).toMatchObject({ does: "requeue" });
  });
  test("puts work that nobody looked at into Review, from where a drop on Done sets it aside", () => {
    const left = task("x", "succeeded", { review: "unseen" });
    expect(placeOf(left, asked)).toBe("review");
    expect(verdict(left, "review", place("done"))).toMatchObject({ does: "seen" });
    expect(verdict(left, "review", place("archive"))).toMatchObject({ does: "archive" });
  });
  test("has a column for every value when it is grouped by one", () => {
    const rows = [task("a", "ready"), task("b", "running", { project_id: "p2", project: "beta" }), task("c", "ready", { project_id: "p2", project: "beta" })];
    expect(columnsOf(rows, "project", asked, [{ id: "p3", name: "gamma" }]).map((column) => [column.label, column.cards.length])).toEqual([["beta", 2], ["alpha", 1], ["gamma", 0]]);
    expect(columnsOf(rows, "state", asked).map((column) => column.cards.length)).toEqual([2, 1, 0, 0, 0]);
    expect(columnsOf(rows, "priority", asked).map((column) => column.label)).toEqual(["Urgent", "High", "Medium", "Low"]);
  });
});

describe("a drop", () => {
  test("queues a finished task again, archives it, and cancels one that is not finished", () => {
    expect(verdict(task("x", "failed"), "done", place("queued"))).toMatchObject({ does: "requeue" });
    expect(verdict(task("x", "failed"), "done", place("archive"))).toMatchObject({ does: "archive" });
    expect(verdict(task("x", "running"), "running", place("cancel"))).toMatchObject({ does: "cancel" });
  });
  test("changes the order within a queue and not between queues", () => {
    const other = task("y", "ready");
    expect(verdict(task("x", "ready"), "queued", place("queued"), { task: other, edge: "before" })).toMatchObject({ does: "move", beside: "y", edge: "before" });
    expect(verdict(task("x", "ready"), "queued", place("queued"), { task: { ...other, queue_id: "q2", queue: "two" }, edge: "before" })).toEqual({ refused: "Order is kept within a queue: one waits in one, the other in two." });
  });
  test("is refused with a reason where nothing can be done", () => {
    for (const [from, state, to] of [["queued", "ready", "running"], ["queued", "ready", "done"], ["running", "running", "queued"], ["running", "running", "waiting"], ["running", "running", "archive"], ["done", "failed", "cancel"]] as const) {
      expect(verdict(task("x", state), from, place(to))).toHaveProperty("refused");
    }
  });
  test("changes the field a board is grouped by, while the task may change it", () => {
    const beta: Target = { kind: "project", value: "p2", label: "beta" };
    expect(verdict(task("x", "ready"), "queued", beta)).toMatchObject({ change: { project: "p2" } });
    expect(verdict(task("x", "running"), "running", beta)).toHaveProperty("refused");
    expect(verdict(task("x", "running"), "running", { kind: "priority", value: "high", label: "High" })).toMatchObject({ change: { priority: "high" } });
    expect(verdict(task("x", "ready"), "queued", { kind: "queue", value: "q1", label: "one" })).toHaveProperty("refused");
  });
});
