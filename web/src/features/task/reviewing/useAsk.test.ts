import { expect, it } from "vitest";
import { wordsOf } from "./useAsk";

it("a question names file and lines, quotes them, and says that nothing is to be changed", () => {
  const spot = { path: "src/a.py", side: "new" as const, first: 3, last: 4 };
  const words = wordsOf({ spot, lines: "one\ntwo", commit: "0123456789abcdef", text: "Why two?" });
  expect(words).toBe("src/a.py:3-4: Why two?\n\n> one\n> two\n\nThese are the lines, in commit 0123456789ab. Answer the question; change nothing because of it.");
  expect(wordsOf({ spot: { ...spot, side: "old", last: 3 }, lines: "one", commit: null, text: "Why?" })).toContain("src/a.py:3: Why?\n\n> one\n\nThese are the lines as they were before the change.");
});
