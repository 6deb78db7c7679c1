import { expect, test } from "vitest";
import type { LoggedEvent } from "@/api/types";
import { isQuiet, noticeKind, readNotify, USUAL, wants } from "./notify";

const at = (time: string) => new Date(`2026-03-04T${time}:00`);
const quiet = (from: string, to: string) => ({ ...USUAL, quiet: { on: true, from, to } });

test("quiet hours go over midnight, and end when they say", () => {
  const night = quiet("22:00", "07:00");
  expect([at("21:59"), at("22:00"), at("03:00"), at("06:59"), at("07:00")].map((time) => isQuiet(night, time))).toEqual([false, true, true, true, false]);
  expect([at("12:00"), at("13:00"), at("14:00")].map((time) => isQuiet(quiet("12:30", "13:30"), time))).toEqual([false, true, false]);
  expect(isQuiet(USUAL, at("23:00"))).toBe(false);
});

test("only what ends badly for good, asks, is done or cannot go on is worth telling", () => {
  const event = (kind: string, data: object = {}) => noticeKind({ kind, data } as LoggedEvent);
  expect([event("attempt.failed", { state: 70 }), event("attempt.failed", { state: 20 }), event("approval.requested"), event("attempt.succeeded"), event("task.submitted")]).toEqual(["failures", null, "requests", "finished", null]);
});

test("what was kept is read as far as it means something", () => {
  const read = readNotify({ on: true, kinds: { finished: true, ghosts: true, failures: "no" }, quiet: { on: true, from: "25:00", to: "06:30" } })!;
  expect(read).toEqual({ on: true, away: true, kinds: { finished: true }, quiet: { on: true, from: "22:00", to: "06:30" } });
  expect([wants(read, "finished"), wants(read, "requests"), wants(USUAL, "finished")]).toEqual([true, true, false]);
});
