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

/** What rows can be sorted by; null: it has none, and stands last either way. */
const SORTS: Record<string, (row: FleetRow) => number | string | null> = {
  agent: (row) => row.name,
  task: (row) => row.task || null,
  context: (row) => (row.context_used === null || !row.context_window ? null : row.context_used / row.context_window),
  tokens: (row) => row.tokens,
  cost: (row) => row.cost_usd,
  elapsed: (row) => (row.task_id === null ? null : -Date.parse(row.since)),
  machine: (row) => row.machine,
};

/** A head that is pressed again turns the order round, and then leaves it; figures begin with the largest. */
export function nextSort(now: string, key: string): string | null {
  const first = ["agent", "task", "machine"].includes(key) ? key : `-${key}`;
  if (now.replace(/^-/, "") !== key) return first;
  return now === first ? (first === key ? `-${key}` : key) : null;
}

export const canSort = (key: string): boolean => key in SORTS;

/** Rows by what `by` names; with a minus the largest first. Something else: as they were. */
export function sorted(rows: FleetRow[], by: string): FleetRow[] {
  const down = by.startsWith("-");
  const value = SORTS[down ? by.slice(1) : by];
  if (!value) return rows;
  return [...rows].sort((one, other) => {
    const [a, b] = [value(one), value(other)];
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    const order = typeof a === "string" ? a.localeCompare(String(b)) : a - Number(b);
    return down ? -order : order;
  });
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

const DAY_HOURS = 24;
const LEAST_HOURS = 0.25;

/** What is spent an hour since the day began, and what it comes to by its end if it goes on like that. Times in milliseconds. */
export function paceOf(spent: number, since: number, now: number): { rate: number; today: number } {
  const hours = Math.max((now - since) / 3_600_000, LEAST_HOURS);
  const rate = spent / hours;
  return { rate, today: spent + rate * Math.max(DAY_HOURS - hours, 0) };
}
