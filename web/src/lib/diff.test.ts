import { describe, expect, it } from "vitest";
import { parseDiff, sideBySide } from "./diff";

const DIFF = `--- a/backoff.py
+++ b/backoff.py
@@ -17,3 +17,4 @@ def delay
 def delay(attempt: int) -> float:
-    d = jitter(BASE * 2 ** attempt)
+    d = min(BASE * 2 ** attempt, CAP)
+    log(d)
     return d
\\ No newline at end of file
`;

describe("a diff", () => {
  it("has numbered lines on both sides", () => {
    const [hunk] = parseDiff(DIFF);
    expect(hunk!.lines.map((line) => [line.kind, line.before, line.after])).toEqual([
      ["same", 17, 17], ["del", 18, null], ["add", null, 18], ["add", null, 19], ["same", 19, 20],
    ]);
  });

  it("marks the words that differ in lines replaced one by one", () => {
    const [hunk] = parseDiff("@@ -1 +1 @@\n-keep old end\n+keep new end\n");
    expect(hunk!.lines[0]!.pieces).toEqual([
      { text: "keep ", marked: false }, { text: "old", marked: true }, { text: " end", marked: false },
    ]);
    expect(hunk!.lines[1]!.pieces[1]).toEqual({ text: "new", marked: true });
  });

  it("stands side by side", () => {
    const [hunk] = parseDiff(DIFF);
    const pairs = sideBySide(hunk!.lines);
    expect(pairs.map((pair) => [pair.left?.before ?? null, pair.right?.after ?? null])).toEqual([[17, 17], [18, 18], [null, 19], [19, 20]]);
  });

  it("of a binary file or of nothing has no hunks", () => {
    expect(parseDiff("Binary files differ\n")).toEqual([]);
    expect(parseDiff("")).toEqual([]);
  });
  it("leaves out what differs in white space only, when that is wanted", () => {
    const spaced = "@@ -1,3 +1,3 @@\n one\n-two( )\n+\ttwo()\n three\n@@ -9 +9 @@\n-nine\n+9\n";
    const [hunk, ...more] = parseDiff(spaced, true);
    expect(more).toEqual([]);
    expect(hunk?.lines.map((line) => line.kind)).toEqual(["del", "add"]);
    const mixed = parseDiff("@@ -1,2 +1,3 @@\n-a b\n+ab\n+new\n same\n@@ -5,2 +6,3 @@\n-x y\n+xy\n z\n+w\n", true);
    expect(mixed[1]?.lines.map((line) => [line.kind, line.before, line.after])).toEqual([["same", 5, 6], ["same", 6, 7], ["add", null, 8]]);
  });
});
