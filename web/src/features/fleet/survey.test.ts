import { expect, test } from "vitest";
import type { FleetRow, Overview, Worker } from "@/api/types";
import { isEmpty, surveyOf } from "./survey";

const worker = (host: string, facts: Partial<Worker["facts"]>) => ({ id: host, host, facts }) as Worker;

test("what one machine has is there, and what it needs is said", () => {
  const { installed, absent } = surveyOf([
    worker("a", { agents: [{ name: "claude", title: "Claude Code", version: "2.1", signed_in: false, signs_in_by: ["ANTHROPIC_API_KEY"] }, { name: "plain", title: "", version: "", signed_in: true, signs_in_by: [] }] }),
    worker("b", { absent: [{ name: "claude", title: "Claude Code", problem: "claude is not on PATH" }, { name: "codex", title: "Codex", problem: "codex is not on PATH" }] }),
  ]);
  expect(installed.map((one) => [one.title, one.word])).toEqual([["Claude Code", "Not signed in: its worker needs ANTHROPIC_API_KEY"]]);
  expect(absent.map((one) => [one.name, one.word])).toEqual([["codex", "codex is not on PATH"]]);
});

test("one signed in anywhere is ready", () => {
  const agent = (signed_in: boolean) => ({ agents: [{ name: "codex", title: "Codex", version: "1", signed_in, signs_in_by: [] }] });
  const { installed } = surveyOf([worker("a", agent(true)), worker("b", agent(false))]);
  expect(installed[0]).toMatchObject({ ready: true, word: "Ready", hosts: ["a", "b"] });
});

const row = (machine: string | null, task_id: string | null = null) => ({ machine, task_id }) as FleetRow;

test("a place where something was done once, or an agent came from elsewhere, is not new", () => {
  const overview = (tasks: Record<string, number>) => ({ waiting: 0, tasks }) as unknown as Overview;
  expect(isEmpty([], overview({ ready: 0, succeeded: 0 }))).toBe(true);
  expect(isEmpty([row("vm")], overview({}))).toBe(true);
  expect(isEmpty([], overview({ succeeded: 1 }))).toBe(false);
  expect(isEmpty([row(null)], overview({}))).toBe(false);
  expect(isEmpty([row("vm", "tsk_1")], overview({}))).toBe(false);
  expect(isEmpty([], undefined)).toBe(false);
});
