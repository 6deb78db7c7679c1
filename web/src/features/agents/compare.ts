import type { Agent } from "@/api/types";
import { percent } from "@/lib/format";
import { successOf } from "./rows";

export interface Compared {
  label: string;
  kind: "share" | "money" | "seconds" | "count";
  a: number | null;
  b: number | null;
  /** How the second is to the first: "+20%", "−5%"; empty where that says nothing. */
  change: string;
}

/** So few tasks say nothing of how well an agent does. */
const FEW = 5;

function change(a: number | null, b: number | null): string {
  if (a === null || b === null || a === b || a === 0) return "";
  const share = (b - a) / a;
  return `${share > 0 ? "+" : "−"}${percent(Math.abs(share))}`;
}

/** What two agents did with their newest tasks, figure by figure. */
export function comparedOf(a: Agent, b: Agent): Compared[] {
  const row = (label: string, kind: Compared["kind"], of: (agent: Agent) => number | null | undefined): Compared => {
    const [one, two] = [of(a) ?? null, of(b) ?? null];
    return { label, kind, a: one, b: two, change: kind === "share" ? points(one, two) : change(one, two) };
  };
  const ended = (agent: Agent) => (agent.record ? agent.record.succeeded + agent.record.failed : 0);
  const few = ended(a) < FEW || ended(b) < FEW;
  return [
    row(few ? "Succeeded (of few tasks)" : "Succeeded", "share", successOf),
    row("Ended well", "count", ({ record }) => record?.succeeded),
    row("Failed", "count", ({ record }) => record?.failed),
    row("Cancelled", "count", ({ record }) => record?.cancelled),
    row("Cost", "money", ({ record }) => record?.cost_usd),
    row("Cost of a task, median", "money", ({ record }) => record?.median_cost_usd),
    row("Time of a task, median", "seconds", ({ record }) => record?.median_seconds),
  ];
}

/** The difference of two shares, which is no share itself. */
function points(a: number | null, b: number | null): string {
  if (a === null || b === null || a === b) return "";
  const by = Math.round((b - a) * 100);
  return by === 0 ? "" : `${by > 0 ? "+" : "−"}${Math.abs(by)} points`;
}
