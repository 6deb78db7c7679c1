import { expect, test } from "vitest";
import type { KeptEntry } from "@/api/types";
import { linesOf } from "./lines";

const kept = (entries: unknown[]) => entries.map((entry, position) => ({ position, at: "2026-01-01T00:00:00Z", entry })) as KeptEntry[];

test("an agent's calls, words and troubles are a line each", () => {
  const lines = linesOf(kept([
    { kind: "message", text: "First.\nThen I look." },
    { kind: "tool_call", id: "1", name: "Bash", tool: "execute", command: "pytest -q" },
    { kind: "tool_result", id: "1", exit_code: 2 },
    { kind: "thinking", text: "hm" },
    { kind: "result", ok: true },
  ]));
  expect(lines.map((line) => line.text)).toEqual(["Then I look.", "execute pytest -q", "exit 2", "turn finished"]);
  expect(lines[2]!.bad).toBe(true);
});
