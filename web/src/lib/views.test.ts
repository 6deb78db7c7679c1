import { expect, test } from "vitest";
import { queryOf, readViews } from "./views";

test("a view is its filters, in whichever order and whatever is peeked at", () => {
  expect(queryOf(new URLSearchParams("state=failed&q=hooks&peek=task:1"))).toBe("q=hooks&state=failed");
  expect(queryOf(new URLSearchParams("q=hooks&state=failed"))).toBe("q=hooks&state=failed");
});

test("of what was kept only views are read", () => {
  expect(readViews([{ name: "Failed", query: "state=failed" }, { name: "" }, 7, null])).toEqual([{ name: "Failed", query: "state=failed" }]);
  expect(readViews("x")).toBeNull();
});
