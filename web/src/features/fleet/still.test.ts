import { expect, it } from "vitest";
import type { FleetRow } from "@/api/types";
import { group } from "./rows";
import { hold } from "./still";

function row(agent: string, state: FleetRow["state"], cost = 0): FleetRow {
  return {
    agent_id: agent, name: agent, state, program: "", role: "", model: "", now: null, task_id: null, task: "", attempt_id: null, attempt: 0,
    approval_id: null, context_used: null, context_window: null, tokens: 0, cost_usd: cost, unpriced_calls: 0, since: "2026-01-01T00:00:00Z", machine: null,
  };
}

it("holds rows in their places while their figures move on", () => {
  const before = group([row("a", "running"), row("b", "running")], "status");
  const after = group([row("a", "waiting", 2), row("b", "running"), row("c", "idle")], "status");
  const held = hold(before, after);
  expect(held.groups.map((one) => one.rows.map((each) => each.agent_id))).toEqual([["a", "b"]]);
  expect(held.groups[0]!.rows[0]!.cost_usd).toBe(2);
  expect(held.pending).toBe(2);
});

it("keeps a row that is gone until the list is let go", () => {
  const before = group([row("a", "running"), row("b", "running")], "status");
  const held = hold(before, group([row("b", "running")], "status"));
  expect(held.groups[0]!.rows).toHaveLength(2);
  expect(held.pending).toBe(1);
});
