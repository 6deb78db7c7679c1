import { expect, test } from "vitest";
import { merged, same } from "./merge";

test("what was set in only one place is taken over, and what was removed there goes", () => {
  const base = { theme: "dark", density: "compact", rail: "yes" };
  expect(merged(base, { theme: "light", density: "compact", rail: "yes" }, { theme: "dark", rail: "yes", code: 14 })).toEqual({ theme: "light", rail: "yes", code: 14 });
});

test("what was set in both places is as it was set here", () => {
  expect(merged({ theme: "dark" }, { theme: "light" }, { theme: "system" })).toEqual({ theme: "light" });
  expect(merged({ theme: "dark" }, {}, { theme: "system" })).toEqual({});
});

test("the order of names makes no difference", () => {
  expect(same({ a: 1, b: [{ x: 1, y: 2 }] }, { b: [{ y: 2, x: 1 }], a: 1 })).toBe(true);
  expect(same([1, 2], [2, 1])).toBe(false);
  expect(same(undefined, null)).toBe(false);
});
