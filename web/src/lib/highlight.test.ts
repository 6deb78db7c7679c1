import { expect, test } from "vitest";
import { parseDiff } from "./diff";
import { languageOf, partsOf, runsByLine, sidesOf } from "./highlight";

const DIFF = "@@ -1,2 +1,2 @@\n same()\n-old = 1\n+old = 2\n";

test("a language is known by the file's name", () => {
  expect(languageOf("src/a/b.py")).toBe("python");
  expect(languageOf("web/x.TSX")).toBe("tsx");
  expect(languageOf("Makefile")).toBe("bash");
  expect(languageOf("LICENSE")).toBeNull();
});

test("both sides of a hunk are coloured as the texts they are", () => {
  expect(sidesOf(parseDiff(DIFF))).toEqual(["same()\nold = 1", "same()\nold = 2"]);
});

test("colours belong to lines whose text they cover, and to no others", () => {
  const hunks = parseDiff(DIFF);
  const runs = runsByLine(hunks, [[[{ text: "same()", kind: "" }], [{ text: "else", kind: "k" }]], [[{ text: "same()", kind: "" }], [{ text: "old = ", kind: "" }, { text: "2", kind: "n" }]]]);
  const [same, gone, fresh] = hunks[0]!.lines;
  expect(runs.has(same!)).toBe(true);
  expect(runs.has(gone!)).toBe(false);
  expect(partsOf(fresh!, runs.get(fresh!))).toEqual([{ text: "old = ", kind: "", marked: false }, { text: "2", kind: "n", marked: true }]);
});

test("without colours a line is its words", () => {
  const [same] = parseDiff(DIFF)[0]!.lines;
  expect(partsOf(same!, undefined)).toEqual([{ text: "same()", kind: "", marked: false }]);
});
