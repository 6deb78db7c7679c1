import { describe, expect, test } from "vitest";
import type { Approval, TaskRow } from "@/api/types";
import { itemsOf, kept, readSnoozed, shownOf, together } from "./items";

const NOW = Date.parse("2026-11-30T12:00:00Z");

function approval(id: string, fields: Partial<Approval> = {}): Approval {
  return { id, kind: "permission", state: "pending", outcome: "pending", created_at: "2026-11-30T11:00:00Z", expires_at: null, risk: { level: "low", reasons: ["reads"], target: "x" }, ...fields } as Approval;
}

const failed = { id: "tsk_1" } as TaskRow;

describe("the list of the inbox", () => {
  test("what ends soonest is first, then what waits longest, then what failed, then what expired today", () => {
    const late = approval("late", { expires_at: "2026-11-30T13:00:00Z" });
    const soon = approval("soon", { expires_at: "2026-11-30T12:05:00Z" });
    const old = approval("old", { created_at: "2026-11-30T09:00:00Z" });
    const gone = approval("gone", { state: "expired", outcome: "expired", finished_at: "2026-11-30T10:00:00Z" });
    const longGone = approval("long", { state: "expired", outcome: "expired", finished_at: "2026-11-28T10:00:00Z" });
    const items = itemsOf([approval("new"), late, old, soon], [failed], [gone, longGone], NOW);
    expect(items.map((item) => item.id)).toEqual(["soon", "late", "old", "new", "tsk_1", "gone"]);
  });

  test("a tab shows its kind, and what is snoozed is in a tab of its own until its time is over", () => {
    const items = itemsOf([approval("a"), approval("b", { kind: "question" })], [failed], [], NOW);
    expect(shownOf(items, "question", {}, NOW).map((item) => item.id)).toEqual(["b"]);
    expect(shownOf(itemsOf([], [failed], [], NOW, [{ id: "tsk_2" } as TaskRow]), "problem", {}, NOW).map((item) => item.id)).toEqual(["tsk_1", "tsk_2"]);
    expect(shownOf(items, "all", { a: NOW + 1 }, NOW).map((item) => item.id)).toEqual(["b", "tsk_1"]);
    expect(shownOf(items, "snoozed", { a: NOW + 1, b: NOW - 1 }, NOW).map((item) => item.id)).toEqual(["a"]);
  });

  test("only low risk that still waits is approved together", () => {
    const items = itemsOf([approval("a"), approval("b", { risk: { level: "medium", reasons: [], target: "x" } }), approval("c", { kind: "question", risk: null })], [failed], [], NOW);
    expect(together(items, new Set(["a", "b", "c", "tsk_1"])).map((one) => one.id)).toEqual(["a"]);
  });

  test("what is kept of snoozing is read with care", () => {
    expect(readSnoozed({ a: 1, b: "x" })).toEqual({ a: 1 });
    expect(readSnoozed(null)).toBeNull();
  });

  test("what is snoozed is forgotten when its time is over, and the last one leaves nothing", () => {
    expect(kept({ a: NOW + 5, b: NOW - 1 }, "c", NOW + 9, NOW)).toEqual({ a: NOW + 5, c: NOW + 9 });
    expect(kept({ a: NOW + 5 }, "a", null, NOW)).toBeNull();
  });
});
