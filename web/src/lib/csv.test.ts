import { expect, test } from "vitest";
import { toCsv } from "./csv";

test("commas, quotes and lines stay within their cell", () => {
  expect(toCsv(["a", "b"], [["x,y", 'say "hi"\nthere']])).toBe('a,b\r\n"x,y","say ""hi""\nthere"\r\n');
});

test("words that a spreadsheet would run are text, numbers stay numbers", () => {
  expect(toCsv(["a"], [["=1+1"], ["@x"], [-3], [null]])).toBe("a\r\n'=1+1\r\n'@x\r\n-3\r\n\r\n");
});
