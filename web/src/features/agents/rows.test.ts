import { describe, expect, it } from "vitest";
import type { Agent, FleetRow } from "@/api/types";
import { filtered, linesOf, sorted, successOf } from "./rows";

const record = (succeeded: number, failed: number) => ({ tasks: succeeded + failed, looked_at: succeeded + failed, succeeded, failed, cancelled: 0, cost_usd: 1, median_cost_usd: null, median_seconds: null });
const make = (id: string, more: Partial<Agent> = {}) => ({ id, name: id, status: "online", model: "", record: record(0, 0), last_active_at: "2026-01-01T00:00:00Z", ...more }) as Agent;
const row = (agent_id: string, state: FleetRow["state"]) => ({ agent_id, state, program: "claude", role: "", model: "", task: "Mend it", machine: "nuc-01" }) as FleetRow;

describe("the list of agents", () => {
  const lines = linesOf(
    [make("ann", { record: record(3, 1) }), make("bob", { record: record(1, 1) }), make("cy", { status: "offline" })],
    [row("ann", "running"), row("ann", "waiting"), row("bob", "idle")],
  );
  it("shows the most pressing of what an agent does", () => expect(lines.map((line) => line.seen.word)).toEqual(["Waiting", "Idle", "Offline"]));
  it("knows how many of those that ended went well", () => expect(lines.map((line) => successOf(line.agent))).toEqual([0.75, 0.5, null]));
  it("is narrowed by state and by words of agent and task", () => {
    expect(filtered(lines, "offline", "").map((line) => line.agent.id)).toEqual(["cy"]);
    expect(filtered(lines, "", "mend ann").map((line) => line.agent.id)).toEqual(["ann"]);
  });
  it("is sorted, those without a figure last", () => expect(sorted(lines, "success", false).map((line) => line.agent.id)).toEqual(["ann", "bob", "cy"]));
});
