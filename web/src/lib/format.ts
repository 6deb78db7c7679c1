/** How figures are shown everywhere: docs/design/ui.md, section 12. Nothing formats by hand. */

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

function significant(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 1;
  return value.toFixed(digits).replace(/\.0$/, "");
}

export function count(value: number): string {
  const size = Math.abs(value);
  if (size < 10_000) return grouped.format(value);
  return size < 99_950 ? `${(value / 1_000).toFixed(1).replace(/\.0$/, "")}k` : compact(value);
}

/** Tokens and axes: always short. */
export function compact(value: number): string {
  const size = Math.abs(value);
  if (size < 1_000) return grouped.format(value);
  if (size < 999_500) return `${size < 99_950 && size < 10_000 ? significant(value / 1_000) : Math.round(value / 1_000)}k`;
  if (size < 999_500_000) return `${significant(value / 1_000_000)}M`;
  return `${significant(value / 1_000_000_000)}B`;
}

export function cost(value: number | null, unpriced = 0): string {
  if (value === null) return "unpriced";
  const sign = value < 0 ? "−" : "";
  const size = Math.abs(value);
  if (size === 0) return unpriced > 0 ? "unpriced" : "$0";
  if (size < 0.0001) return `${sign}<$0.0001`;
  if (size < 0.01) return `${sign}$${size.toFixed(4)}`;
  if (size < 1_000) return `${sign}$${size.toFixed(2)}`;
  return `${sign}$${grouped.format(size)}`;
}

const micro = new Intl.NumberFormat("en-US", { minimumFractionDigits: 6, maximumFractionDigits: 6 });

/** An amount to the micro-dollar, for a tooltip. */
export function exactCost(value: number | null, unpriced = 0): string {
  if (value === null) return "No price is known";
  const missing = unpriced > 0 ? `${plural(unpriced, "call")} without a price` : "";
  if (value === 0 && missing) return missing;
  return [`${value < 0 ? "−" : ""}$${micro.format(Math.abs(value))}`, missing].filter(Boolean).join(", and ");
}

/** So many in an hour; few of them with a decimal. */
export function perHour(value: number): string {
  return value < 10 ? value.toFixed(1).replace(/\.0$/, "") : count(Math.round(value));
}

/** Budgets: whole dollars where they are whole, and never less exact than elsewhere. */
export function dollars(value: number): string {
  return Number.isInteger(value) && value >= 0 ? `$${grouped.format(value)}` : cost(value);
}

export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  const steps = ["KB", "MB", "GB", "TB"];
  let size = value / 1024;
  let step = 0;
  while (size >= 1024 && step < steps.length - 1) {
    size /= 1024;
    step += 1;
  }
  return `${size >= 10 ? Math.round(size) : size.toFixed(1)} ${steps[step]}`;
}

const two = (value: number) => String(value).padStart(2, "0");

/** How long something took, or runs so far, in seconds. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(Math.max(seconds, 0) * 1000)} ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.floor(seconds)} s`;
  const whole = Math.floor(seconds);
  if (whole < 3_600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3_600)}h ${Math.floor((whole % 3_600) / 60)}m`;
  return `${Math.floor(whole / 86_400)}d ${Math.floor((whole % 86_400) / 3_600)}h`;
}

/** What a running clock shows: it ticks in whole seconds. */
export function elapsed(seconds: number): string {
  return seconds < 60 ? `${Math.max(Math.floor(seconds), 0)} s` : duration(seconds);
}

/** Time left, in seconds: 4:12, 1:52:40. */
export function countdown(seconds: number): string {
  const left = Math.max(Math.ceil(seconds), 0);
  const hours = Math.floor(left / 3_600);
  const minutes = Math.floor((left % 3_600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(left % 60)}` : `${minutes}:${two(left % 60)}`;
}

export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.05) return "<0.1%";
  if (value > 0 && value < 1) return `${value.toFixed(1)}%`;
  if (value > 90 && value < 100) return `${value.toFixed(1).replace(/\.0$/, "")}%`;
  return `${Math.round(value)}%`;
}

// One clock on every page: the one of logs and exports.
const HOURS = { hourCycle: "h23", hour: "2-digit", minute: "2-digit" } as const;
const clock = new Intl.DateTimeFormat(undefined, HOURS);
const clockSeconds = new Intl.DateTimeFormat(undefined, { ...HOURS, second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long", hourCycle: "h23" });

export function ago(at: Date, now: Date): string {
  const seconds = (now.getTime() - at.getTime()) / 1000;
  if (seconds < 60) return "just now";
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ago`;
  const date = at.getFullYear() === now.getFullYear() ? day : dayOfYear;
  return `${date.format(at)}, ${clock.format(at)}`;
}

export function timeOfDay(at: Date): string {
  return clockSeconds.format(at);
}

export function hourAndMinute(at: Date | number): string {
  return clock.format(at);
}

export function dayAndMonth(at: Date | number): string {
  return day.format(at);
}

/** Local time and UTC, for a tooltip. */
export function exactly(at: Date): string {
  return `${full.format(at)} (${at.toISOString().replace(/\.\d+Z$/, "Z")})`;
}

export function shortId(id: string): string {
  return id.slice(id.indexOf("_") + 1).slice(-8);
}

/** A path cut on the left; the file's name always stays. */
export function shortPath(path: string, most = 48): string {
  if (path.length <= most) return path;
  const parts = path.split("/");
  let text = parts.pop() ?? path;
  while (parts.length > 0 && text.length + (parts.at(-1) ?? "").length + 3 <= most) text = `${parts.pop()}/${text}`;
  return `…/${text}`;
}

export function plural(amount: number, one: string, many = `${one}s`): string {
  return `${count(amount)} ${amount === 1 ? one : many}`;
}

const minute = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", year: "numeric", ...HOURS, timeZoneName: "short" });

/** A minute, absolute and with its zone: what groups an account of what happened. */
export function minuteWithZone(at: Date): string {
  return minute.format(at);
}
