import type { LoggedEvent } from "@/api/types";
import { readKept, writeKept } from "./kept";

export type NoticeKind = "requests" | "failures" | "finished" | "providers";

export const KINDS: Record<NoticeKind, { label: string; hint: string; usual: boolean }> = {
  requests: { label: "An agent asks", hint: "For leave to do something, or a question.", usual: true },
  failures: { label: "A task failed for good", hint: "After its last attempt.", usual: true },
  finished: { label: "A task is done", hint: "Its work waits to be reviewed.", usual: false },
  providers: { label: "A model provider fails", hint: "Its agents' tasks wait until it answers again.", usual: true },
};

/** When and of what the browser tells. Times of day as `22:00`. */
export interface Notify {
  on: boolean;
  /** Only while nobody looks at muster. */
  away: boolean;
  kinds: Partial<Record<NoticeKind, boolean>>;
  quiet: { on: boolean; from: string; to: string };
}

export const USUAL: Notify = { on: false, away: true, kinds: {}, quiet: { on: false, from: "22:00", to: "07:00" } };

const TIME = /^([01]\d|2[0-3]):[0-5]\d$/;

export function readNotify(value: unknown): Notify | null {
  if (typeof value !== "object" || value === null) return null;
  const given = value as Partial<Notify>;
  const kinds = Object.entries(given.kinds ?? {}).filter(([kind, wanted]) => kind in KINDS && typeof wanted === "boolean");
  const time = (text: unknown, usual: string) => (typeof text === "string" && TIME.test(text) ? text : usual);
  const quiet = { on: given.quiet?.on === true, from: time(given.quiet?.from, USUAL.quiet.from), to: time(given.quiet?.to, USUAL.quiet.to) };
  return { on: given.on === true, away: given.away !== false, kinds: Object.fromEntries(kinds), quiet };
}

export function notify(): Notify {
  return readNotify(readKept("notify")) ?? USUAL;
}

export function keepNotify(next: Notify): void {
  writeKept("notify", next);
}

export function wants(given: Notify, kind: NoticeKind): boolean {
  return given.kinds[kind] ?? KINDS[kind].usual;
}

/** Whether it is between the hours in which nobody is to be told; they may go over midnight. */
export function isQuiet({ quiet }: Notify, at: Date): boolean {
  if (!quiet.on || quiet.from === quiet.to) return false;
  const now = `${String(at.getHours()).padStart(2, "0")}:${String(at.getMinutes()).padStart(2, "0")}`;
  return quiet.from < quiet.to ? now >= quiet.from && now < quiet.to : now >= quiet.from || now < quiet.to;
}

const FAILED_FOR_GOOD = 70;

/** What somebody could be told of an event, if anything. */
export function noticeKind(event: LoggedEvent): NoticeKind | null {
  switch (event.kind) {
    case "approval.requested":
      return "requests";
    case "attempt.failed":
      return (event.data as { state?: number }).state === FAILED_FOR_GOOD ? "failures" : null;
    case "attempt.succeeded":
      return "finished";
    case "provider.failing":
      return "providers";
    default:
      return null;
  }
}
