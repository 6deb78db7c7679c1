import type { FileLine } from "./lines";

/** So many stretches of time; a few pixels each. */
export const BUCKETS = 96;
const KINDS = 5;
export const FAILED = "failed";
export const OTHER = "other";

export interface Strip {
  /** Milliseconds; the last stretch ends at `to`. */
  from: number;
  to: number;
  step: number;
  /** The most frequent first; what failed and the rest come last. */
  kinds: string[];
  /** How many of each kind, by stretch. */
  buckets: number[][];
  most: number;
}

export function timeOf(line: FileLine): number {
  return line.at ? Date.parse(line.at) : Number.NaN;
}

/** What happened when: lines with a time, counted by kind; null where none has one or all have the same. */
export function stripOf(lines: FileLine[], labels: [string, number][]): Strip | null {
  const timed = lines.map((line) => ({ line, at: timeOf(line) })).filter(({ at }) => !Number.isNaN(at));
  if (timed.length < 2) return null;
  const from = timed.reduce((least, { at }) => Math.min(least, at), Infinity);
  const last = timed.reduce((most, { at }) => Math.max(most, at), -Infinity);
  if (last === from) return null;
  const step = Math.max(Math.ceil((last - from + 1) / BUCKETS), 1);
  const named = labels.slice(0, KINDS).map(([label]) => label);
  const kinds = [...named, OTHER, FAILED];
  const buckets = Array.from({ length: Math.ceil((last - from + 1) / step) }, () => kinds.map(() => 0));
  for (const { line, at } of timed) {
    const named_at = named.indexOf(line.label);
    const kind = line.bad ? kinds.length - 1 : named_at >= 0 ? named_at : kinds.length - 2;
    buckets[Math.floor((at - from) / step)]![kind]! += 1;
  }
  const most = buckets.reduce((found, bucket) => Math.max(found, bucket.reduce((sum, one) => sum + one, 0)), 0);
  return { from, to: from + buckets.length * step, step, kinds, buckets, most };
}

/** A stretch of time, as numbers of buckets: from the first to before the second. */
export type Brush = [number, number];

export function brushOf(strip: Strip, from: string | null, to: string | null): Brush | null {
  if (from === null && to === null) return null;
  const at = (text: string | null, otherwise: number) => {
    const time = text === null ? Number.NaN : Date.parse(text);
    return Number.isNaN(time) ? otherwise : Math.min(Math.max(Math.round((time - strip.from) / strip.step), 0), strip.buckets.length);
  };
  const [start, end] = [at(from, 0), at(to, strip.buckets.length)];
  return start < end ? [start, end] : null;
}

export function timesOf(strip: Strip, [start, end]: Brush): [string, string] {
  const iso = (bucket: number) => new Date(strip.from + bucket * strip.step).toISOString();
  return [iso(start), iso(end)];
}

/** Where an arrow takes one end of a stretch. */
export function moved([start, end]: Brush, which: 0 | 1, key: string, count: number): Brush | null {
  const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -8, PageUp: 8, Home: -count, End: count }[key];
  if (by === undefined) return null;
  return which === 0 ? [Math.min(Math.max(start + by, 0), end - 1), end] : [start, Math.max(Math.min(end + by, count), start + 1)];
}

export function within(lines: FileLine[], from: string | null, to: string | null): FileLine[] {
  if (from === null && to === null) return lines;
  const [start, end] = [from ? Date.parse(from) : -Infinity, to ? Date.parse(to) : Infinity];
  return lines.filter((line) => {
    const at = timeOf(line);
    return at >= start && at < end;
  });
}
