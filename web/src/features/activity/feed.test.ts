import { expect, test } from "vitest";
import type { Activity } from "@/api/operate";
import { byMinute, freshOf } from "./feed";

const entry = (id: string, at: string) => ({ id, at, title: id }) as Activity;

test("entries of one minute stand together, the newest minute first", () => {
  const minutes = byMinute([entry("c", "2026-01-01T10:01:05.000Z"), entry("b", "2026-01-01T10:00:59.000Z"), entry("a", "2026-01-01T10:00:01.000Z")]);
  expect(minutes.map((one) => one.items.map((item) => item.id))).toEqual([["c"], ["b", "a"]]);
  expect(minutes[0]!.label).toMatch(/2026/);
});

test("only what came after what is shown is new", () => {
  const shown = [entry("b", "2026-01-01T10:00:00.000Z"), entry("a", "2026-01-01T09:00:00.000Z")];
  const newest = [entry("c", "2026-01-01T10:00:00.000Z"), ...shown, entry("old", "2026-01-01T08:00:00.000Z")];
  expect(freshOf(newest, shown).map((item) => item.id)).toEqual(["c"]);
  expect(freshOf(newest, []).length).toBe(4);
});
