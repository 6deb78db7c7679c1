import type { components } from "@/api/schema";

export type Told = components["schemas"]["TimelineBar"];

export interface Bar {
  told: Told;
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

/** Attempts between two moments, in rows; bars that overlap are drawn below each other. */
export function rowsOf(told: Told[], by: "agent" | "project", since: number, now: number): Row[] {
  const rows = new Map<string, Row>();
  const ran = told.map((one) => ({ told: one, from: Date.parse(one.began_at), to: one.ended_at ? Date.parse(one.ended_at) : now }));
  for (const bar of ran.filter((one) => one.to >= since).sort((a, b) => a.from - b.from)) {
    const [key, label] = by === "agent" ? [bar.told.agent_id, bar.told.agent_id] : [bar.told.project_id, bar.told.project];
    const row = rows.get(key) ?? { key, label, bars: [], lanes: 0 };
    rows.set(key, row);
    let lane = 0;
    while (row.bars.some((other) => other.lane === lane && other.to > bar.from)) lane += 1;
    row.bars.push({ ...bar, from: Math.max(bar.from, since), lane });
    row.lanes = Math.max(row.lanes, lane + 1);
  }
  return [...rows.values()].sort((a, b) => a.label.localeCompare(b.label));
}

/** Pixels from one line of a row to the next: a bar of 24 and what is between. */
export const LANE = 26;
const AROUND = 9;

export interface Line {
  key: string;
  /** Milliseconds, and pixels from the top of the first row. */
  from: [number, number];
  to: [number, number];
}

/** Lines from the last bar of what a task waited for to its first, and from its last on to what waited for it. */
export function linesOf(rows: Row[], waits: { before: string; after: string }[], task: string): Line[] {
  const ends = new Map<string, { first: [number, number]; last: [number, number] }>();
  let top = 0;
  for (const row of rows) {
    for (const { told, from, to, lane } of row.bars) {
      const y = top + lane * LANE + LANE / 2 + 4;
      const known = ends.get(told.task_id);
      if (!known) ends.set(told.task_id, { first: [from, y], last: [to, y] });
      else {
        if (from < known.first[0]) known.first = [from, y];
        if (to > known.last[0]) known.last = [to, y];
      }
    }
    top += row.lanes * LANE + AROUND;
  }
  return waits.filter(({ before, after }) => before === task || after === task).flatMap(({ before, after }) => {
    const [one, two] = [ends.get(before), ends.get(after)];
    return one && two ? [{ key: `${before} ${after}`, from: one.last, to: two.first }] : [];
  });
}

export function heightOf(rows: Row[]): number {
  return rows.reduce((sum, row) => sum + row.lanes * LANE + AROUND, 0);
}
