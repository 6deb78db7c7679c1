import { describe, expect, it } from "vitest";
import type { Attempt, TaskFiles } from "@/api/types";
import { whyOf } from "./Attempts";
import { change, filesOf, rowsOf } from "./compare";

const attempt = (more: object) => ({ state: "succeeded", agent_id: "w", worker_id: null, code: null, error: null, exit_code: 0, cost_usd: 1, input_tokens: 5, output_tokens: 5, cache_read_tokens: 0, cache_write_tokens: 0, lines: 3, claimed_at: "2026-01-01T00:00:00Z", finished_at: "2026-01-01T00:01:00Z", run: null, message: null, ...more }) as unknown as Attempt;
const files = (...paths: string[]) => ({ totals: { additions: 2, deletions: 1 }, produced: paths.map((path) => ({ path, additions: 1, deletions: 0 })) }) as unknown as TaskFiles;

describe("two runs beside each other", () => {
  it("differ by figures where there are two", () => {
    expect(change(10, 15)).toBe("+50%");
    expect(change(10, 5)).toBe("−50%");
    expect([change(0, 5), change(5, 5)]).toEqual(["", ""]);
  });
  it("say state, cost, time and files", () => {
    const rows = rowsOf({ attempt: attempt({}), files: files("a") }, { attempt: attempt({ state: "failed", code: "exit_nonzero", exit_code: 2, cost_usd: 2, error: "no\nmore" }), files: files("a", "b") }, 0);
    expect(rows.find((row) => row.label === "Ended because")).toMatchObject({ a: "done", b: "exit_nonzero, exit 2, no" });
    expect(rows.find((row) => row.label === "Cost")).toMatchObject({ a: "$1.00", b: "$2.00", change: "+100%" });
    expect(rows.find((row) => row.label === "Files changed")).toMatchObject({ a: "1, +2 −1", b: "2, +2 −1" });
  });
  it("say which files only one of them changed", () => expect(filesOf(files("a", "c"), files("a", "b")).map(({ path, a, b, same }) => [path, a, b, same])).toEqual([["a", true, true, true], ["b", false, true, false], ["c", true, false, false]]));
  it("say what one that runs does", () => expect(whyOf(attempt({ state: "running", message: "Editing" }))).toBe("Editing"));
});
