import { expect, it } from "vitest";
import { extended, NOTHING, still, toggled } from "./picking";

const ORDER = ["a", "b", "c", "d"];
const keys = (picked: { keys: ReadonlySet<string> }) => [...picked.keys].sort().join("");

it("picks a row and lets it go", () => {
  const one = toggled(NOTHING, "b");
  expect(keys(one)).toBe("b");
  expect(keys(toggled(one, "b"))).toBe("");
});

it("extends from the row that was picked last, either way", () => {
  expect(keys(extended(toggled(NOTHING, "c"), "a", ORDER))).toBe("abc");
  expect(keys(extended(extended(toggled(NOTHING, "b"), "c", ORDER), "d", ORDER))).toBe("bcd");
  expect(keys(extended(NOTHING, "b", ORDER))).toBe("b");
  expect(keys(extended(toggled(NOTHING, "gone"), "b", ORDER))).toBe("bgone");
});

it("forgets what is gone, and is the same while all of it is there", () => {
  const picked = extended(toggled(NOTHING, "a"), "c", ORDER);
  expect(still(picked, ORDER)).toBe(picked);
  expect(keys(still(picked, ["a", "d"]))).toBe("a");
});
