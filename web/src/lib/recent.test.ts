import { beforeEach, expect, it } from "vitest";
import { visited, visits } from "./recent";

beforeEach(() => { localStorage.clear(); sessionStorage.clear(); });

it("has what was looked at last first, each once, whichever of its tabs it was", () => {
  visited("/tasks/tsk_0000000000001", "One");
  visited("/agents/heron", "heron");
  visited("/tasks/tsk_0000000000001/output", "One, renamed");
  expect(visits()).toEqual([{ path: "/tasks/tsk_0000000000001", label: "One, renamed" }, { path: "/agents/heron", label: "heron" }]);
});

it("leaves out lists, forms and diffs", () => {
  for (const path of ["/", "/tasks", "/tasks/new", "/agents/roles", "/queues/que_1", "/tasks/tsk_0000000000001/changes"]) visited(path, "x");
  visited("/tasks/tsk_0000000000001", "Task");
  expect(visits()).toEqual([]);
});

it("keeps eight, and nothing beyond the window whose token is for it alone", () => {
  for (let number = 0; number < 12; number += 1) visited(`/agents/a${number}`, `a${number}`);
  expect(visits().map((one) => one.label)).toEqual(["a11", "a10", "a9", "a8", "a7", "a6", "a5", "a4"]);
  sessionStorage.setItem("muster.token", "secret");
  expect(visits()).toEqual([]);
  visited("/agents/mine", "mine");
  expect(localStorage.getItem("muster.recent")).not.toContain("mine");
});

it("takes what is broken for nothing", () => {
  localStorage.setItem("muster.recent", "{");
  expect(visits()).toEqual([]);
});
