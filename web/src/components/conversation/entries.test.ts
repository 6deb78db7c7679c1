import { describe, expect, it } from "vitest";
import type { KeptEntry } from "@/api/types";
import { changedBy, folded, textOf, toBlocks, unreadOf, wordsOfCall } from "./entries";

function kept(...entries: object[]): KeptEntry[] {
  return entries.map((entry, position) => ({ position, at: "2026-01-01T00:00:00Z", entry }) as KeptEntry);
}

describe("a conversation", () => {
  it("puts messages that come in pieces together", () => {
    const blocks = toBlocks(kept({ kind: "message", text: "I look ", more: true }, { kind: "message", text: "at it." }, { kind: "message", text: "Next." }));
    expect(blocks.map((block) => block.kind === "message" && block.text)).toEqual(["I look at it.", "Next."]);
  });
  it("has each call with its result, however late that comes", () => {
    const blocks = toBlocks(kept(
      { kind: "tool_call", id: "1", name: "Bash", tool: "execute", command: "pytest -q" },
      { kind: "tool_call", id: "2", name: "Read", tool: "read", paths: ["a.py"] },
      { kind: "tool_result", id: "1", output: "1 fai", more: true },
      { kind: "tool_result", id: "1", output: "led\n", more: true },
      { kind: "tool_result", id: "1", output: "1 failed\n", status: "failed", exit_code: 1 },
    ));
    expect(blocks).toHaveLength(2);
    expect(blocks[0]).toMatchObject({ kind: "tool", output: "1 failed\n", result: { status: "failed" } });
    expect(blocks[1]).toMatchObject({ kind: "tool", result: null });
  });
  it("keeps the pieces of an output whose end brings nothing", () => {
    const [block] = toBlocks(kept({ kind: "tool_call", id: "1", name: "Bash" }, { kind: "tool_result", id: "1", output: "so far", more: true }, { kind: "tool_result", id: "1" }));
    expect(block).toMatchObject({ output: "so far" });
  });
  it("folds what was read in a row, and nothing that failed or goes on", () => {
    const read = (id: string, status?: string) => [{ kind: "tool_call", id, name: "Read", tool: "read", paths: [`${id}.py`] }, { kind: "tool_result", id, ...(status ? { status } : {}) }];
    const blocks = folded(toBlocks(kept(...read("a"), ...read("b"), ...read("c"), ...read("d", "failed"), ...read("e"), { kind: "tool_call", id: "f", name: "Read", tool: "read" })));
    expect(blocks.map((block) => block.kind)).toEqual(["group", "tool", "tool", "tool"]);
    expect(textOf(blocks[0]!)).toContain("b.py");
  });
  it("knows which words of people it does not hold yet", () => {
    const said = (text: string, second: number) => ({ kind: "say", text, created_at: `2026-01-01T00:00:0${second}Z`, delivered_at: null });
    const items = [{ position: 3, at: "2026-01-01T00:00:02Z", entry: { kind: "message", role: "user", text: "Use tabs." } }] as unknown as KeptEntry[];
    const words = [said("Use tabs.", 5), said("And spaces.", 3), said("Use tabs.", 1), { ...said("", 4), kind: "pause" }];
    expect(unreadOf(words, "2026-01-01T00:00:00Z", items).map((word) => `${word.text} ${word.created_at.slice(18, 19)}`)).toEqual(["And spaces. 3", "Use tabs. 5"]);
  });
  it("has what a step used beside its first words, else beside its first call; totals nowhere", () => {
    const usage = (output: number, more = {}) => ({ kind: "usage", usage: { input: 10, output, cache_read: 5, cache_write: 0, reasoning: 0 }, ...more });
    const call = { kind: "tool_call", id: "1", name: "Bash" };
    const blocks = toBlocks(kept({ kind: "message", role: "user", text: "Go." }, { kind: "message", text: "I look." }, call, usage(7, { cost_usd: 0.5 }), { ...call, id: "2" }, usage(3), { kind: "message", text: "Done." }, usage(10, { total: true })));
    expect(blocks.map((block) => ("used" in block ? [block.used?.tokens.output, block.used?.cost] : null))).toEqual([null, [7, 0.5], null, [3, null], null]);
  });
  it("knows how long was thought and what a call changed", () => {
    const entries = kept({ kind: "thinking", text: "Hm." }, { kind: "message", text: "So." });
    entries[1]!.at = "2026-01-01T00:00:14Z";
    entries[0]!.at = "2026-01-01T00:00:00Z";
    expect(toBlocks(entries)[0]).toMatchObject({ until: "2026-01-01T00:00:14Z" });
    expect(changedBy(["/copy/src/a.py", "b.py"], ["src/a.py", "b.py", "a.py"])).toEqual(["src/a.py", "b.py", "a.py"]);
    expect(changedBy(["/copy/xa.py"], ["a.py"])).toEqual([]);
  });
  it("tells calls in a few words", () => {
    expect(wordsOfCall({ kind: "tool_call", id: "1", name: "Bash", tool: "execute", command: "ls", title: "", input: {}, paths: [], parent: "" })).toEqual({ verb: "Run", object: "ls" });
    expect(wordsOfCall({ kind: "tool_call", id: "1", name: "search_issues", tool: "other", command: "", title: "open ones", input: {}, paths: [], parent: "" })).toEqual({ verb: "search_issues", object: "open ones" });
  });
});
