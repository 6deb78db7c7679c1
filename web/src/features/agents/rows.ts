import type { Agent, FleetRow } from "@/api/types";
import { ORDER, type Seen, seenAgent, type Shown } from "@/lib/states";

/** An agent with what it does now; one that does several things has them all in `works`. */
export interface AgentLine {
  agent: Agent;
  works: FleetRow[];
  seen: Seen;
}

const REPORTED: Record<Agent["status"], Seen> = {
  online: { state: "idle", word: "Idle" }, busy: { state: "running", word: "Running" },
  offline: { state: "cancelled", word: "Offline" }, error: { state: "failed", word: "Failed" },
};

/** The most pressing state of what it does; what it said of itself where the fleet does not know it. */
export function seenOf(agent: Agent, rows: FleetRow[]): Seen {
  const all = rows.map(seenAgent).sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
  return all[0] ?? REPORTED[agent.status];
}

export function linesOf(agents: Agent[], fleet: FleetRow[]): AgentLine[] {
  const rows = new Map<string, FleetRow[]>();
  for (const row of fleet) rows.set(row.agent_id, [...(rows.get(row.agent_id) ?? []), row]);
  return agents.map((agent) => {
    const own = rows.get(agent.id) ?? [];
    return { agent, works: own, seen: seenOf(agent, own) };
  });
}

/** Of those that ended by themselves; null when none did. */
export function successOf(agent: Agent): number | null {
  const { record } = agent;
  const ended = record ? record.succeeded + record.failed : 0;
  return record && ended > 0 ? record.succeeded / ended : null;
}

export type Sort = "state" | "name" | "success" | "tasks" | "cost" | "seen";

const SORTS: Record<Sort, (a: AgentLine, b: AgentLine) => number> = {
  state: (a, b) => ORDER.indexOf(a.seen.state) - ORDER.indexOf(b.seen.state),
  name: (a, b) => a.agent.name.localeCompare(b.agent.name),
  success: (a, b) => (successOf(b.agent) ?? -1) - (successOf(a.agent) ?? -1),
  tasks: (a, b) => (b.agent.record?.tasks ?? 0) - (a.agent.record?.tasks ?? 0),
  cost: (a, b) => (b.agent.record?.cost_usd ?? 0) - (a.agent.record?.cost_usd ?? 0),
  seen: (a, b) => b.agent.last_active_at.localeCompare(a.agent.last_active_at),
};

export function isSort(value: string | null): value is Sort {
  return value !== null && value in SORTS;
}

export function sorted(lines: AgentLine[], by: Sort, backwards: boolean): AgentLine[] {
  const order = [...lines].sort((a, b) => SORTS[by](a, b) || a.agent.name.localeCompare(b.agent.name));
  return backwards ? order.reverse() : order;
}

export const GROUPS: [string, string, Shown[]][] = [
  ["", "All", []], ["working", "Working", ["running", "paused"]], ["waiting", "Waiting", ["waiting"]], ["idle", "Idle", ["idle"]],
  ["trouble", "In trouble", ["failed", "stale"]], ["offline", "Offline", ["cancelled"]],
];

export function filtered(lines: AgentLine[], group: string, words: string): AgentLine[] {
  const states = GROUPS.find(([key]) => key === group)?.[2] ?? [];
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return lines.filter(({ agent, works, seen }) => {
    if (states.length > 0 && !states.includes(seen.state)) return false;
    const told = [agent.id, agent.name, agent.model, ...works.flatMap((row) => [row.program, row.role, row.model, row.task, row.machine ?? "elsewhere"])].join(" ").toLowerCase();
    return wanted.every((word) => told.includes(word));
  });
}
