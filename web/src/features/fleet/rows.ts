import type { FleetRow } from "@/api/types";
import { ORDER, type Seen, seenAgent, type Shown, WORDS } from "@/lib/states";
import { plural } from "@/lib/format";

export type Grouping = "status" | "machine" | "role" | "none";

export interface Group {
  key: string;
  label: string;
  state: Shown | null;
  rows: FleetRow[];
}

export function keyOf(row: FleetRow): string {
  return row.attempt_id ?? `agent:${row.agent_id}`;
}

/** What the panel shows of a row: its agent, and which of its tasks where it does several at once. */
export function peekOf(rows: FleetRow[]): (row: FleetRow) => string {
  const times = new Map<string, number>();
  for (const row of rows) times.set(row.agent_id, (times.get(row.agent_id) ?? 0) + 1);
  return (row) => `agent:${row.agent_id}${(times.get(row.agent_id) ?? 0) > 1 && row.attempt_id ? `@${row.attempt_id}` : ""}`;
}

/** How many there are in each state, in the order in which states are shown. */
export function countStates(rows: FleetRow[]): Map<Shown, number> {
  const counts = new Map<Shown, number>();
  for (const row of rows) {
    const { state } = seenAgent(row);
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  return new Map([...counts].sort((a, b) => ORDER.indexOf(a[0]) - ORDER.indexOf(b[0])));
}

export function group(rows: FleetRow[], by: Grouping): Group[] {
  const groups = new Map<string, Group>();
  for (const row of rows) {
    const seen: Seen = seenAgent(row);
    const key = by === "status" ? seen.word : by === "machine" ? (row.machine ?? "Elsewhere") : by === "role" ? row.role || "No role" : "All";
    const found = groups.get(key) ?? { key, label: key, state: by === "status" ? seen.state : null, rows: [] };
    found.rows.push(row);
    groups.set(key, found);
  }
  const sorted = [...groups.values()];
  if (by === "status") sorted.sort((a, b) => ORDER.indexOf(a.state!) - ORDER.indexOf(b.state!));
  else sorted.sort((a, b) => a.label.localeCompare(b.label));
  return sorted;
}

/** The heading: a sentence made of what is so now. */
export function headline(rows: FleetRow[], waiting: number): string {
  if (rows.length === 0) return "No agents yet";
  const counts = countStates(rows);
  const working = counts.get("running") ?? 0;
  const asks = waiting > 0 ? `${waiting} waiting on you` : "";
  if (working > 0) return [`${plural(working, "agent")} working`, asks].filter(Boolean).join(", ");
  if (asks) return asks;
  const paused = counts.get("paused") ?? 0;
  if (paused > 0) return `${plural(paused, "agent")} paused`;
  const stale = counts.get("stale") ?? 0;
  if (stale > 0) return `${plural(stale, "agent")} gone quiet`;
  return rows.length === 1 ? "Your agent is idle" : `All ${rows.length} agents idle`;
}

export function filterRows(rows: FleetRow[], words: string): FleetRow[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return rows;
  return rows.filter((row) => wanted.every((word) => matches(row, word)));
}

function matches(row: FleetRow, word: string): boolean {
  const context = /^context>(\d+)$/.exec(word);
  if (context) return row.context_used !== null && !!row.context_window && (row.context_used / row.context_window) * 100 > Number(context[1]);
  if (word.startsWith("state:")) return seenAgent(row).word.toLowerCase() === word.slice(6) || WORDS[seenAgent(row).state].toLowerCase() === word.slice(6);
  return [row.name, row.agent_id, row.role, row.task, row.machine ?? "", row.program, row.model, row.now?.subject ?? ""].some((text) => text.toLowerCase().includes(word));
}
