import { describe, expect, it } from "vitest";
import { filterLines, labelsOf, linesOf, pathsOf } from "./lines";

const TOOLS = [
  { at: "2026-01-01T00:00:00Z", name: "Bash", command: "pytest -q\nmore", status: "failed" },
  { at: "2026-01-01T00:00:01Z", name: "Read", title: "a.py", status: "completed" },
  { at: "2026-01-01T00:00:02Z", name: "Read", title: "b.py", status: "completed" },
].map((line) => JSON.stringify(line)).join("\n") + "\n";

describe("a log file", () => {
  it("is lines of text, empty ones too", () => expect(linesOf("a\n\nb\n", false).map((line) => line.text)).toEqual(["a", "", "b"]));
  it("tells of each tool call in a few words", () => {
    const [first] = linesOf(TOOLS, true);
    expect(first).toMatchObject({ label: "Bash", title: "pytest -q", bad: true });
  });
  it("is narrowed by words, by tool and to what failed", () => {
    const lines = linesOf(TOOLS, true);
    expect(filterLines(lines, { words: "B.PY", label: "", bad: false })).toHaveLength(1);
    expect(filterLines(lines, { words: "", label: "Read", bad: false })).toHaveLength(2);
    expect(filterLines(lines, { words: "", label: "", bad: true })).toHaveLength(1);
    expect(labelsOf(lines)).toEqual([["Read", 2], ["Bash", 1]]);
  });
  it("knows which files a call names", () => {
    expect(pathsOf(linesOf(JSON.stringify({ name: "Edit", paths: ["a.py", 3] }), true)[0]!)).toEqual(["a.py"]);
    expect(pathsOf(linesOf("x", false)[0]!)).toEqual([]);
  });
  it("shows a line that is no JSON as it is", () => expect(linesOf("{cut", true)[0]).toMatchObject({ title: "{cut", json: null }));
});
