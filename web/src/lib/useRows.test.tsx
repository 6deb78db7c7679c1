import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { BrowserRouter } from "react-router";
import { afterEach, beforeEach, expect, test } from "vitest";
import { useRows } from "./usePeek";

const ROWS = ["a", "b", "c", "d"];
const keyOf = (row: string) => row;
const peekOf = (row: string) => `task:${row}`;
let root: Root;
let chosen: string | null;
let peek: (row: string) => void;

function List() {
  const rows = useRows({ rows: ROWS, keyOf, peekOf, onOpen: () => undefined });
  ({ chosen } = rows);
  ({ peek } = rows.handlers);
  return null;
}
const press = (key: string) => act(() => void dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })));
const shown = () => new URLSearchParams(location.search).get("peek");
const painted = () => act(() => new Promise<void>((done) => requestAnimationFrame(() => setTimeout(() => setTimeout(done)))));

beforeEach(() => {
  (globalThis as Record<string, unknown>).IS_REACT_ACT_ENVIRONMENT = true;
  history.replaceState(null, "", "/tasks?peek=task:a");
  root = createRoot(document.createElement("div"));
  act(() => root.render(<BrowserRouter><List /></BrowserRouter>));
});
afterEach(() => act(() => root.unmount()));

test("a key moves to the next row at once, and the open panel follows when that is painted", async () => {
  press("j");
  expect([chosen, shown()]).toEqual(["b", "task:a"]);
  await painted();
  expect([chosen, shown()]).toEqual(["b", "task:b"]);
});

test("of keys in one frame the panel follows the last", async () => {
  for (const key of ["j", "j", "j", "k"]) press(key);
  expect([chosen, shown()]).toEqual(["c", "task:a"]);
  await painted();
  expect([chosen, shown()]).toEqual(["c", "task:c"]);
});

test("a panel that was closed meanwhile stays closed", async () => {
  press("j");
  act(() => peek("b"));
  expect(shown()).toBeNull();
  await painted();
  expect([chosen, shown()]).toEqual(["b", null]);
});

test("the row of a panel that was closed at once opens it again", async () => {
  press("j");
  act(() => history.replaceState(null, "", "/tasks"));
  act(() => peek("b"));
  expect(shown()).toBe("task:b");
  await painted();
  expect(shown()).toBe("task:b");
});
