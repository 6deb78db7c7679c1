import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { say, sayFailed, Toasts } from "./toasts";

beforeEach(() => { vi.useFakeTimers(); render(<Toasts />); });
afterEach(() => { act(() => { vi.advanceTimersByTime(60_000); }); cleanup(); vi.useRealTimers(); });
const pass = (milliseconds: number) => act(() => { vi.advanceTimersByTime(milliseconds); });
const shown = () => [...document.querySelectorAll(".toast > span")].map((one) => one.textContent);

it("says a result for four seconds, and for five what can be undone", () => {
  act(() => { say("Copied"); say("Archived", { label: "Undo", run: () => undefined }); });
  pass(4_100);
  expect(shown()).toEqual(["Archived"]);
  pass(1_000);
  expect(shown()).toEqual([]);
});

it("counts what is said again instead of saying it twice", () => {
  act(() => { for (let time = 0; time < 4; time += 1) say("Copied"); });
  expect(shown()).toEqual(["Copied ×4"]);
});

it("keeps them while they are pointed at", () => {
  act(() => say("Saved"));
  fireEvent.pointerEnter(screen.getByRole("status"));
  pass(60_000);
  expect(shown()).toEqual(["Saved"]);
  fireEvent.pointerLeave(screen.getByRole("status"));
  pass(4_100);
  expect(shown()).toEqual([]);
});

it("shows three at most, and lets go of what went well before what failed", () => {
  act(() => { sayFailed("Not saved", "no room"); say("One"); say("Two"); say("Three"); });
  expect(shown()).toEqual(["Not saved: no room", "Two", "Three"]);
  fireEvent.click(screen.getByRole("button", { name: "Dismiss" }));
  expect(shown()).toEqual(["Two", "Three"]);
});
