import { readKept, writeKept } from "./kept";

export type Kind = "agents" | "task" | "lists" | "counts" | "streams" | "graphs";

/** How often each kind of data is taken up, at most; never oftener than docs/design/ui.md, section 11, says. Milliseconds. */
export const RATES: Record<Kind, { label: string; hint: string; usual: number; choices: readonly number[] }> = {
  agents: { label: "Agents", hint: "Who works on what, what it does now, its context.", usual: 1_000, choices: [500, 1_000, 2_000, 5_000, 15_000, 60_000] },
  task: { label: "The task you look at", hint: "Its state, steps and cost.", usual: 1_000, choices: [250, 500, 1_000, 2_000, 5_000, 15_000] },
  lists: { label: "Lists", hint: "Tasks, queues, projects, requests, activity.", usual: 1_000, choices: [1_000, 2_000, 5_000, 15_000, 60_000] },
  counts: { label: "Counts", hint: "The sidebar, headings, the summary strip. A request of an agent is never late.", usual: 1_000, choices: [1_000, 2_000, 5_000, 15_000, 60_000] },
  streams: { label: "Output and conversations", hint: "What is printed and said.", usual: 100, choices: [100, 250, 500, 1_000, 5_000] },
  graphs: { label: "Sandboxes and their graphs", hint: "What each uses of processor, memory and disk.", usual: 4_000, choices: [2_000, 4_000, 10_000, 30_000, 60_000] },
};

export interface Live {
  /** Nothing is fetched for a window that nobody sees, but what waits for a person. */
  pause: boolean;
  own: Partial<Record<Kind, number>>;
}

export const USUAL: Live = { pause: true, own: {} };

export function readLive(value: unknown): Live | null {
  if (typeof value !== "object" || value === null) return null;
  const { pause, own } = value as Partial<Live>;
  const entries = Object.entries(own ?? {}).filter(([kind, rate]) => RATES[kind as Kind]?.choices.includes(rate as number));
  return { pause: pause !== false, own: Object.fromEntries(entries) };
}

function live(): Live {
  return readLive(readKept("live")) ?? USUAL;
}

export function keepLive(next: Live): void {
  const own = Object.fromEntries(Object.entries(next.own).filter(([kind, rate]) => RATES[kind as Kind].usual !== rate));
  writeKept("live", next.pause && Object.keys(own).length === 0 ? null : { pause: next.pause, own });
}

export function rateOf(kind: Kind, given: Live = live()): number {
  return given.own[kind] ?? RATES[kind].usual;
}

/** Whether a hidden window is left as it is. */
export function pauses(): boolean {
  return live().pause;
}

/** Which kind of data a query is. */
export function kindOf(key: readonly unknown[]): Kind {
  switch (key[0]) {
    case "fleet":
    case "agents":
      return "agents";
    case "task":
      return "task";
    case "overview":
      return "counts";
    default:
      return "lists";
  }
}
