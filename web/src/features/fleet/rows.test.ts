import { describe, expect, it } from "vitest";
import type { FleetRow } from "@/api/types";
import { countStates, filterRows, group, headline, paceOf, sorted } from "./rows";

function row(state: FleetRow["state"], more: Partial<FleetRow> = {}): FleetRow {
  return {
    agent_id: "a", name: "a", state, program: "", role: "", model: "", now: null, task_id: null, task: "", attempt_id: null, attempt: 0,
    approval_id: null, context_used: null, context_window: null, tokens: 0, cost_usd: 0, unpriced_calls: 0, since: "2026-01-01T00:00:00Z", machine: null, ...more,
  };
}

describe("the fleet", () => {
  it("is told in a sentence", () => {
    expect(headline([], 0)).toBe("No agents yet");
    expect(headline([row("idle"), row("idle")], 0)).toBe("All 2 agents idle");
    expect(headline([row("running"), row("waiting")], 1)).toBe("1 agent working, 1 waiting on you");
    expect(headline([row("paused"), row("idle")], 0)).toBe("1 agent paused");
    expect(headline([row("stale")], 0)).toBe("1 agent gone quiet");
  });
  it("puts what asks for something first", () => {
    const rows = [row("idle"), row("running"), row("waiting"), row("running")];
    expect(group(rows, "status").map((one) => [one.label, one.rows.length])).toEqual([["Waiting", 1], ["Running", 2], ["Idle", 1]]);
    expect([...countStates(rows)]).toEqual([["waiting", 1], ["running", 2], ["idle", 1]]);
  });
  it("is filtered by words, states and context", () => {
    const rows = [row("running", { name: "swift", context_used: 90, context_window: 100 }), row("idle", { name: "wren" }), row("offline", { name: "lark" })];
    expect(filterRows(rows, "state:running").map((one) => one.name)).toEqual(["swift"]);
    expect(filterRows(rows, "state:offline").map((one) => one.name)).toEqual(["lark"]);
    expect(filterRows(rows, "context>80").map((one) => one.name)).toEqual(["swift"]);
    expect(filterRows(rows, "WREN").map((one) => one.name)).toEqual(["wren"]);
  });
});

it("goes on as it went since midnight, for what a day will cost", () => {
  const midnight = Date.parse("2026-01-01T00:00:00Z");
  expect(paceOf(48, midnight, midnight + 12 * 3_600_000)).toEqual({ rate: 4, today: 96 });
  expect(paceOf(2, midnight, midnight).rate).toBe(8);
});

it("sorts by a figure, the largest first where asked, and what has none last", () => {
  const rows = [row("running", { agent_id: "a", tokens: 5, context_used: 1, context_window: 10 }), row("running", { agent_id: "b", tokens: 9 }), row("idle", { agent_id: "c", context_used: 9, context_window: 10 })];
  const ids = (by: string) => sorted(rows, by).map((one) => one.agent_id).join("");
  expect(ids("-tokens")).toBe("bac");
  expect(ids("tokens")).toBe("cab");
  expect(ids("-context")).toBe("cab");
  expect(ids("context")).toBe("acb");
  expect(sorted(rows, "nothing")).toBe(rows);
});
