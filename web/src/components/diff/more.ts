import type { Hunk, Line } from "@/lib/diff";

/** Lines that are shown more at a time. */
export const STEP = 20;
/** Of a gap between hunks: how many lines are shown below what stands before it, and above what comes after it. */
export interface Shown {
  top: number;
  bottom: number;
}
export interface Gap {
  /** Its first line as the file is now, counted from 1. */
  first: number;
  /** How many lines of it are not shown by the diff itself; null: nobody knows before the file is there. */
  size: number | null;
  /** How much further on its lines stood before. */
  shift: number;
}

const HEADER = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;
/** Lines around a change; with fewer after the last one the file ends there. */
const AROUND = 3;

interface Edges {
  start: number;
  next: number;
  shiftBefore: number;
  shiftAfter: number;
}

/** Where a hunk begins and what comes behind it. A side without lines names the line before them. */
function edgesOf(hunk: Hunk): Edges {
  const [, old = "0", olds = "1", fresh = "0", news = "1"] = HEADER.exec(hunk.header) ?? [];
  const before = Number(old) + (olds === "0" ? 1 : 0);
  const start = Number(fresh) + (news === "0" ? 1 : 0);
  const next = start + Number(news);
  return { start, next, shiftBefore: before - start, shiftAfter: before + Number(olds) - next };
}

/** What lies before each hunk and, the last one, behind them all. `total`: lines of the file, if they are known. */
export function gapsOf(hunks: Hunk[], total: number | null): Gap[] {
  if (hunks.length === 0) return [];
  const edges = hunks.map(edgesOf);
  const tail = edges.at(-1)!;
  const ended = [...hunks.at(-1)!.lines].reverse().findIndex((line) => line.kind !== "same") < AROUND;
  return [
    ...edges.map((edge, index) => {
      const first = index === 0 ? 1 : edges[index - 1]!.next;
      return { first, size: Math.max(edge.start - first, 0), shift: edge.shiftBefore };
    }),
    { first: tail.next, size: total !== null ? Math.max(total - tail.next + 1, 0) : ended ? 0 : null, shift: tail.shiftAfter },
  ];
}

/** The lines of a file. */
export function linesOf(content: string): string[] {
  const lines = content.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** Whether a diff is one of this file as it is now. */
export function fits(hunks: Hunk[], lines: string[]): boolean {
  return hunks.every((hunk) => hunk.lines.every((line) => line.after === null || lines[line.after - 1] === line.pieces.map((piece) => piece.text).join("")));
}

/** How much of a gap is shown: never more than there is. */
export function clipped(gap: Gap, shown: Shown | undefined): Shown {
  const size = gap.size ?? 0;
  const top = Math.min(shown?.top ?? 0, size);
  return { top, bottom: Math.min(shown?.bottom ?? 0, size - top) };
}

/** The hunks with more of what is around them. */
export function grown(hunks: Hunk[], lines: string[], shown: ReadonlyMap<number, Shown>): Hunk[] {
  const gaps = gapsOf(hunks, lines.length);
  const some = (gap: Gap, from: number, to: number): Line[] =>
    lines.slice(from - 1, to).map((text, index) => ({ kind: "same", before: from + index + gap.shift, after: from + index, pieces: [{ text, marked: false }] }));
  return hunks.map((hunk, index) => {
    const [above, below] = [gaps[index]!, gaps[index + 1]!];
    const end = above.first + (above.size ?? 0) - 1;
    const before = clipped(above, shown.get(index)).bottom;
    const after = clipped(below, shown.get(index + 1)).top;
    if (before === 0 && after === 0) return hunk;
    return { ...hunk, lines: [...some(above, end - before + 1, end), ...hunk.lines, ...some(below, below.first, below.first + after - 1)] };
  });
}
