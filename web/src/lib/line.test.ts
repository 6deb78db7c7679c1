import { describe, expect, test } from "vitest";
import type { TaskRow } from "@/api/types";
import { put } from "./line";

const row = (id: string, priority: TaskRow["priority"] = "medium") => ({ id, priority }) as TaskRow;
const ids = (rows: TaskRow[]) => rows.map((one) => one.id).join("");

describe("a line", () => {
  const rows = [row("a", "urgent"), row("b"), row("c"), row("d")];
  test("has a task before or after another one once it is put there", () => {
    expect(ids(put(rows, "d", "b", "before"))).toBe("adbc");
    expect(ids(put(rows, "b", "d", "after"))).toBe("acdb");
    expect(ids(put(rows, "b", "d", "before"))).toBe("acbd");
  });
  test("gives a task the priority of the one it is put beside", () => {
    expect(put(rows, "d", "a", "after")[1]).toEqual(row("d", "urgent"));
  });
  test("stays as it is beside itself and what is not in it", () => {
    expect(put(rows, "d", "d", "after")).toBe(rows);
    expect(put(rows, "d", "x", "after")).toBe(rows);
  });
});
