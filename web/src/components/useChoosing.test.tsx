import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Choosing, useChoosing } from "./useChoosing";

let root: Root;
let box: HTMLElement;
let choosing: Choosing;

function List({ ids }: { ids: string[] }) {
  const made = useChoosing(ids);
  choosing = made;
  return <ul onKeyDown={made.onKeyDown}>{["a", "b", "c", "d"].map((id) => <li key={id} data-row={id} tabIndex={0} />)}</ul>;
}

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  box = document.body.appendChild(document.createElement("div"));
  root = createRoot(box);
  act(() => root.render(<List ids={["a", "b", "d"]} />));
});
afterEach(() => {
  act(() => root.unmount());
  box.remove();
  vi.unstubAllGlobals();
});

const row = (id: string) => box.querySelector<HTMLElement>(`[data-row="${id}"]`)!;
const press = (id: string, key: string, more: KeyboardEventInit = {}) => act(() => row(id).dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more })));

test("x chooses and lets go of the row, Shift with an arrow the next one too, and rows that cannot be chosen stay out", () => {
  press("a", "x");
  press("c", "x");
  expect(choosing.chosen).toEqual(["a"]);
  press("b", "ArrowDown", { shiftKey: true });
  expect(choosing.chosen).toEqual(["a", "b", "d"]);
  expect(document.activeElement).toBe(row("d"));
  press("a", "x");
  expect(choosing.chosen).toEqual(["b", "d"]);
  press("a", "Escape");
  expect(choosing.chosen).toEqual([]);
  press("c", "a", { ctrlKey: true });
  expect(choosing.chosen).toEqual(["a", "b", "d"]);
});

test("a range reaches from the one before, and what left the list is not chosen any more", () => {
  act(() => choosing.toggle("d"));
  act(() => choosing.toggle("a", true));
  expect(choosing.chosen).toEqual(["a", "b", "d"]);
  act(() => root.render(<List ids={["b"]} />));
  expect(choosing.chosen).toEqual(["b"]);
});
