import { act } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, expect, test } from "vitest";
import type { Shown } from "@/lib/states";
import { StateGlyph } from "./StateGlyph";

(globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
const root = createRoot(document.body.appendChild(document.createElement("div")));
const show = (...states: Shown[]) => act(() => root.render(states.map((state, at) => <StateGlyph key={at} state={state} />)));
const many = (count: number) => Array.from({ length: count }, (): Shown => "running");
const still = () => document.documentElement.hasAttribute("data-still");

afterEach(() => show());

test("arcs of what runs turn, those of other states have none", async () => {
  await show("running", "idle");
  expect(document.querySelectorAll(".gl").length).toBe(2);
  expect(document.querySelectorAll(".gl.turns").length).toBe(1);
  expect(still()).toBe(false);
});

test("where more than twelve run at once their arcs stand still, and turn again when fewer do", async () => {
  await show(...many(12));
  expect(still()).toBe(false);
  await show(...many(13));
  expect(still()).toBe(true);
  await show(...many(12), "succeeded");
  expect(still()).toBe(false);
});
