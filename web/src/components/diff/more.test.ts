import { describe, expect, it } from "vitest";
import { parseDiff } from "@/lib/diff";
import { fits, gapsOf, grown, linesOf } from "./more";

const file = Array.from({ length: 100 }, (_, index) => `line ${index + 1}`);
file[29] = "changed";
file.splice(60, 0, "fresh");
const diff = ["@@ -27,7 +27,7 @@", " line 27", " line 28", " line 29", "-line 30", "+changed", " line 31", " line 32", " line 33", "@@ -58,6 +58,7 @@", " line 58", " line 59", " line 60", "+fresh", " line 61", " line 62", " line 63"].join("\n");

describe("more of what is around a change", () => {
  const hunks = parseDiff(diff);
  it("knows what lies between, before and behind", () => {
    expect(gapsOf(hunks, null)).toEqual([{ first: 1, size: 26, shift: 0 }, { first: 34, size: 24, shift: 0 }, { first: 65, size: null, shift: -1 }]);
    expect(gapsOf(hunks, file.length)[2]).toEqual({ first: 65, size: 37, shift: -1 });
  });
  it("knows the end of a file by the lines that are missing after a change", () => {
    expect(gapsOf(parseDiff("@@ -1,2 +1,3 @@\n a\n+b\n c"), null)[1]!.size).toBe(0);
  });
  it("shows lines below and above, with both numbers", () => {
    const [first, second] = grown(hunks, file, new Map([[0, { top: 0, bottom: 20 }], [1, { top: 2, bottom: 1 }], [2, { top: 20, bottom: 0 }]]));
    expect(first!.lines[0]).toMatchObject({ before: 7, after: 7, pieces: [{ text: "line 7" }] });
    expect(first!.lines.at(-1)).toMatchObject({ before: 35, after: 35 });
    expect(second!.lines[0]).toMatchObject({ after: 57 });
    expect(second!.lines.at(-1)).toMatchObject({ before: 83, after: 84, pieces: [{ text: "line 83" }] });
  });
  it("never shows a line twice, whatever was asked for", () => {
    const [first, second] = grown(hunks, file, new Map([[1, { top: 20, bottom: 20 }]]));
    expect(first!.lines.length + second!.lines.length).toBe(parseDiff(diff).reduce((sum, hunk) => sum + hunk.lines.length, 0) + 24);
  });
  it("is counted where a side has no lines", () => {
    expect(gapsOf(parseDiff("@@ -5,2 +4,0 @@\n-a\n-b"), 10)).toEqual([{ first: 1, size: 4, shift: 0 }, { first: 5, size: 6, shift: 2 }]);
  });
  it("is only taken of the file that the diff is of", () => {
    expect(fits(hunks, file)).toBe(true);
    expect(fits(hunks, file.slice(1))).toBe(false);
    expect(linesOf("a\nb\n")).toEqual(["a", "b"]);
  });
});
