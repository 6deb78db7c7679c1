import type { Attempt, TaskFiles } from "@/api/types";
import { compact, cost, count, duration } from "@/lib/format";
import { WORDS } from "@/lib/states";
import { whyOf } from "./Attempts";

export interface Side {
  attempt: Attempt;
  files: TaskFiles | undefined;
}

export interface Row {
  label: string;
  a: string;
  b: string;
  /** How the second differs from the first, where that can be said in a figure. */
  change: string;
}

function spent({ attempt }: Side): number {
  return attempt.run?.cost_usd ?? attempt.cost_usd;
}

function tokens({ attempt }: Side): number {
  const from = attempt.run?.tokens ?? attempt;
  return from.input_tokens + from.output_tokens + from.cache_read_tokens + from.cache_write_tokens;
}

function took({ attempt }: Side, now: number): number {
  return ((attempt.finished_at ? Date.parse(attempt.finished_at) : now) - Date.parse(attempt.claimed_at)) / 1000;
}

/** By how much more or less; nothing where either is 0. */
export function change(a: number, b: number): string {
  if (a <= 0 || b <= 0 || a === b) return "";
  const share = (b - a) / a;
  return `${share > 0 ? "+" : "−"}${Math.round(Math.abs(share) * 100)}%`;
}

/** Two runs, figure by figure. */
export function rowsOf(a: Side, b: Side, now: number): Row[] {
  const row = (label: string, shown: (side: Side) => string, value?: (side: Side) => number): Row => ({ label, a: shown(a), b: shown(b), change: value ? change(value(a), value(b)) : "" });
  return [
    row("State", ({ attempt }) => WORDS[attempt.state]),
    row("Ended because", ({ attempt }) => whyOf(attempt)),
    row("Agent", ({ attempt }) => attempt.run?.agent ?? attempt.agent_id),
    row("Model", ({ attempt }) => attempt.run?.model || "–"),
    row("Role", ({ attempt: { run } }) => (run?.role ? `${run.role}, version ${run.role_version}` : "–")),
    row("Cost", (side) => cost(spent(side), side.attempt.run?.unpriced_calls), spent),
    row("Tokens", (side) => compact(tokens(side)), tokens),
    row("Duration", (side) => duration(took(side, now)), (side) => took(side, now)),
    row("Calls to models", ({ attempt }) => count(attempt.run?.calls ?? 0), ({ attempt }) => attempt.run?.calls ?? 0),
    row("Files changed", ({ files }) => (files ? `${count(files.produced.length)}, +${files.totals.additions} −${files.totals.deletions}` : "…"), ({ files }) => files?.produced.length ?? 0),
    row("Lines of output", ({ attempt }) => count(attempt.lines), ({ attempt }) => attempt.lines),
    row("Ran on", ({ attempt }) => attempt.worker_id ?? attempt.agent_id),
  ];
}

/** Files that both, or only one of them changed. */
export function filesOf(a: TaskFiles | undefined, b: TaskFiles | undefined): { path: string; a: boolean; b: boolean; same: boolean }[] {
  const one = new Map((a?.produced ?? []).map((file) => [file.path, file]));
  const two = new Map((b?.produced ?? []).map((file) => [file.path, file]));
  return [...new Set([...one.keys(), ...two.keys()])].sort().map((path) => {
    const [left, right] = [one.get(path), two.get(path)];
    return { path, a: left !== undefined, b: right !== undefined, same: left !== undefined && right !== undefined && left.additions === right.additions && left.deletions === right.deletions };
  });
}
