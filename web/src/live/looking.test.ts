import { act, createElement } from "react";
import { createRoot } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { initials, onlookersSaid } from "@/components/OnlookerFaces";
import { heardOnlookers, tellLooking, useLooking, useOnlookers } from "./looking";

let told: string[][];
let stop: () => void;
let hidden = false;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  hidden = false;
  vi.spyOn(document, "hidden", "get").mockImplementation(() => hidden);
  told = [];
  stop = tellLooking((items) => told.push(items));
});
afterEach(() => {
  stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function Page({ items }: { items: string[] }) {
  useLooking(items);
  return null;
}

it("tells what is open once it stays open, and nothing while the window is hidden", () => {
  const root = createRoot(document.createElement("div"));
  act(() => root.render(createElement(Page, { items: ["apr_1"] })));
  act(() => root.render(createElement(Page, { items: ["apr_2"] })));
  vi.advanceTimersByTime(300);
  expect(told).toEqual([["apr_2"]]);
  heardOnlookers("apr_2", { names: ["Anna"], more: 0 });
  heardOnlookers("apr_9", { names: ["Bob"], more: 0 });
  expect(useOnlookers.getState()).toEqual({ apr_2: { names: ["Anna"], more: 0 } });
  hidden = true;
  document.dispatchEvent(new Event("visibilitychange"));
  expect(told.at(-1)).toEqual([]);
  expect(useOnlookers.getState()).toEqual({});
  hidden = false;
  document.dispatchEvent(new Event("visibilitychange"));
  expect(told.at(-1)).toEqual(["apr_2"]);
  act(() => root.unmount());
  vi.advanceTimersByTime(300);
  expect(told.at(-1)).toEqual([]);
});

it("says who else is looking", () => {
  expect(onlookersSaid({ names: [], more: 1 })).toBe("Somebody is looking at this too");
  expect(onlookersSaid({ names: [], more: 3 })).toBe("3 others are looking at this too");
  expect(onlookersSaid({ names: ["Anna"], more: 0 })).toBe("Anna is looking at this too");
  expect(onlookersSaid({ names: ["Anna", "Bo"], more: 2 })).toBe("Anna, Bo and 2 others are looking at this too");
  expect(initials("Anna van der Berg")).toBe("AV");
});
