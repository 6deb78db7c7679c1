import { describe, expect, test } from "vitest";
import type { LedgerEntry, Project } from "@/api/types";
import { burn, endsAt, openIn, openOf } from "./queries";

const NOW = Date.parse("2026-01-31T00:00:00Z");
const entry = (days: number, amount: number, kind: LedgerEntry["kind"] = "settled") => ({ kind, amount_usd: amount, at: new Date(NOW - days * 86_400_000).toISOString() }) as LedgerEntry;

describe("money of a project", () => {
  test("burns what was settled in the last seven days, a day", () => {
    expect(burn([entry(1, 7), entry(2, 50, "allocated"), entry(6, 7), entry(8, 700)], true, NOW)).toBe(2);
  });
  test("has no burn while the ledger that is known is too short to tell", () => {
    expect(burn([entry(1, 7)], false, NOW)).toBeNull();
    expect(burn([entry(1, 7), entry(9, 7)], false, NOW)).toBe(1);
  });
  test("ends when what is left is burned", () => {
    const one = { allocated_usd: 20, spent_usd: 8, reserved_usd: 2 } as Project;
    expect(endsAt(one, 5, NOW)).toBe(NOW + 2 * 86_400_000);
    expect(endsAt(one, 0, NOW)).toBeNull();
    expect(endsAt({ ...one, allocated_usd: null }, 5, NOW)).toBeNull();
  });
});

test("open tasks are those that run and those that wait for anything", () => {
  const one = { tasks: { ready: 2, blocked: 1, backoff: 1, running: 3, failed: 9 } } as unknown as Project;
  expect(openIn(one)).toEqual({ running: 3, queued: 4 });
  expect(openOf(one)).toBe(7);
});
