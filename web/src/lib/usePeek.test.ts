import { expect, test } from "vitest";
import { readPeek } from "./usePeek";

test("an address names a task, an agent or a sandbox to peek at", () => {
  expect(readPeek("task:tsk_1")).toEqual({ kind: "task", id: "tsk_1" });
  expect(readPeek("agent:a:b")).toEqual({ kind: "agent", id: "a:b" });
});

test("anything else is nothing to peek at", () => {
  for (const value of [null, "", "task", "task:", ":x", "user:1"]) expect(readPeek(value)).toBeNull();
});
