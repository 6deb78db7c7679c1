import { describe, expect, it } from "vitest";
import { ELSEWHERE, EMPTY, problemsOf, requestOf, SCRIPT, SCRIPTED, titleOf } from "./draft";

describe("a new task", () => {
  it("takes its title from the first line of the prompt", () => {
    expect(titleOf({ ...EMPTY, prompt: "Fix the tests\nand more" })).toBe("Fix the tests");
    expect(titleOf({ ...EMPTY, prompt: "x".repeat(100) })).toHaveLength(80);
  });
  it("becomes what the API takes", () => {
    expect(requestOf({ ...EMPTY, prompt: "Fix it", agent: "claude", role: "builder", directory: "/src", cap: "6" })).toEqual({
      title: "Fix it", kind: "prompt", type: "custom", priority: "medium", working_dir: "/src",
      payload: { prompt: "Fix it", agent: "claude", role: "builder", permissions: "ask", max_cost_usd: 6 },
    });
    expect(requestOf({ ...EMPTY, prompt: "make test", agent: SCRIPT })).toMatchObject({ kind: "bash", payload: { script: "make test" } });
    expect(requestOf({ ...EMPTY, prompt: "Look", agent: ELSEWHERE })).toMatchObject({ kind: "prompt", payload: {}, description: "Look" });
  });
  it("sends long texts that were pasted below its words", () => {
    const draft = { ...EMPTY, prompt: "Why? [Pasted text 1]", agent: "claude", pasted: [{ name: "Pasted text 1", text: "a\nb" }] };
    expect(requestOf(draft)).toMatchObject({ title: "Why? [Pasted text 1]", payload: { prompt: "Why? [Pasted text 1]\n\n--- Pasted text 1, 2 lines ---\na\nb\n--- end of pasted text 1 ---" } });
    expect(problemsOf({ ...draft, prompt: "" })).toEqual({});
  });
  it("says what is missing before it is sent", () => {
    expect(problemsOf(EMPTY)).toEqual({ prompt: "Say what is to be done." });
    expect(problemsOf({ ...EMPTY, prompt: "x", directory: "src", cap: "-1", options: "[1]" })).toMatchObject({ directory: expect.any(String), cap: expect.any(String), options: expect.any(String) });
    expect(problemsOf({ ...EMPTY, prompt: "x", options: SCRIPTED })).toEqual({});
  });
});
