import type { TaskRow } from "@/api/types";

export interface Bar {
  task: TaskRow;
  /** Milliseconds. */
  from: number;
  to: number;
  /** Which of the row's lines it is drawn on. */
  lane: number;
}

export interface Row {
  key: string;
  label: string;
  bars: Bar[];
  lanes: number;
}

export const ZOOMS: [string, string, number][] = [["1h", "1 h", 1], ["6h", "6 h", 6], ["1d", "1 d", 24], ["7d", "7 d", 168], ["30d", "30 d", 720]];

/** Tasks that ran between two moments, in rows; bars that overlap are drawn below each other. */
export function rowsOf(tasks: TaskRow[], by: "agent" | "project", since: number, now: number): Row[] {
  const rows = new Map<string, Row>();
  const ran = tasks.filter((task) => task.started_at !== null).map((task) => ({ task, from: Date.parse(task.started_at!), to: task.finished_at ? Date.parse(task.finished_at) : now }));
  for (const bar of ran.filter((one) => one.to >= since).sort((a, b) => a.from - b.from)) {
    const [key, label] = by === "agent" ? [bar.task.agent_id ?? "", bar.task.agent_id ?? "Nobody"] : [bar.task.project_id, bar.task.project];
    const row = rows.get(key) ?? { key, label, bars: [], lanes: 0 };
    rows.set(key, row);
    let lane = 0;
    while (row.bars.some((other) => other.lane === lane && other.to > bar.from)) lane += 1;
    row.bars.push({ ...bar, from: Math.max(bar.from, since), lane });
    row.lanes = Math.max(row.lanes, lane + 1);
  }
  return [...rows.values()].sort((a, b) => a.label.localeCompare(b.label));
}
