import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { say, Toasts } from "./toasts";

let root: Root;
let box: HTMLElement;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  box = document.body.appendChild(document.createElement("div"));
  root = createRoot(box);
  act(() => root.render(<Toasts />));
});
afterEach(() => {
  act(() => vi.advanceTimersByTime(60_000));
  act(() => root.unmount());
  box.remove();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function press(target: EventTarget, more: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key: "z", ctrlKey: true, bubbles: true, cancelable: true, ...more });
  act(() => target.dispatchEvent(event));
  return event;
}

test("Mod+Z takes back what can be taken back last, once", () => {
  const done: string[] = [];
  act(() => {
    say("First", { label: "Undo", run: () => done.push("first") });
    say("Second", { label: "Undo", run: () => done.push("second") });
    say("Third", { label: "Open", run: () => done.push("third") });
  });
  expect(press(document.body).defaultPrevented).toBe(true);
  press(document.body);
  expect(done).toEqual(["second", "first"]);
  expect(press(document.body).defaultPrevented).toBe(false);
  expect(done).toHaveLength(2);
});

test("in a text field, with Shift, and when its time is over, it is left alone", () => {
  const done: string[] = [];
  const field = box.appendChild(document.createElement("textarea"));
  act(() => say("Done", { label: "Undo", run: () => done.push("undone") }, 10_000));
  expect(press(field).defaultPrevented).toBe(false);
  expect(press(document.body, { key: "Z", shiftKey: true }).defaultPrevented).toBe(false);
  act(() => vi.advanceTimersByTime(10_000));
  press(document.body);
  expect(done).toEqual([]);
  field.remove();
});
