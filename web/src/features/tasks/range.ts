/** Since when: midnight of today, or of some days before. */
export const RANGES: [string, string][] = [["", "Any time"], ["today", "today"], ["-7d", "in 7 days"], ["-30d", "in 30 days"]];

export interface Since {
  words: string;
  /** The same the whole day long. */
  at: string;
}

/** What `from=-7d` in an address means; null: nothing. */
export function sinceOf(value: string | null, now: Date): Since | null {
  const days = value === "today" ? 0 : Number(/^-(\d{1,3})d$/.exec(value ?? "")?.[1] ?? NaN);
  if (Number.isNaN(days)) return null;
  const at = new Date(now);
  at.setHours(0, 0, 0, 0);
  at.setDate(at.getDate() - days);
  return { words: days === 0 ? "today" : `in ${days} days`, at: at.toISOString() };
}
