import { expect, it } from "vitest";
import { sinceOf } from "./range";

const NOW = new Date(2026, 10, 30, 18, 45);

it("begins at midnight, so that a list is the same all day", () => {
  expect(sinceOf("today", NOW)).toEqual({ words: "today", at: new Date(2026, 10, 30).toISOString() });
  expect(sinceOf("-7d", NOW)).toEqual({ words: "in 7 days", at: new Date(2026, 10, 23).toISOString() });
});

it.each([null, "", "yesterday", "-d", "7d"])("%s is no time", (value) => expect(sinceOf(value, NOW)).toBeNull());
