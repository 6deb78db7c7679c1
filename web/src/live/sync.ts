import type { QueryClient, QueryKey } from "@tanstack/react-query";
import type { LoggedEvent } from "@/api/types";
import { type Kind, kindOf, pauses, rateOf } from "@/lib/rates";

const SOON_MS = 60;
/** These skip the queue: somebody waits for a person, or something ended badly. */
const URGENT = new Set(["approval.requested", "approval.answered", "approval.expired", "approval.withdrawn", "attempt.failed", "task.reviewed"]);
/** A window that was hidden for so long shows a snapshot when it is looked at again. */
const HIDDEN_MS = 30_000;

/** Which queries an event makes old. */
export function touched(event: LoggedEvent): QueryKey[] {
  return [["activities"], ...touchedBy(event)];
}

function touchedBy(event: LoggedEvent): QueryKey[] {
  const [noun] = event.kind.split(".");
  const task: QueryKey[] = event.task_id ? [["task", event.task_id]] : [];
  switch (noun) {
    case "task":
    case "attempt":
      return [["fleet"], ["overview"], ["tasks"], ["queues"], ["projects"], ...task];
    case "run":
      return [["fleet"], ["overview"], ...task];
    case "approval":
    case "permission":
      return [["approvals"], ["overview"], ["fleet"], ...task];
    case "message":
    case "comment":
      return task;
    case "agent":
      return [["fleet"], ["agents"]];
    case "queue":
      return [["queues"]];
    case "project":
      return [["projects"], ["overview"]];
    case "session":
      return [["sessions"]];
    case "role":
      return [["roles"]];
    default:
      return [];
  }
}

/** What waits for a person is told in the title of a window too, which is seen when the window is not. */
const TITLE: QueryKey = ["overview"];

type Queue = Kind | "urgent";

/** Keeps what is shown in step with the log, each kind of data as often as somebody wants it. */
export class Sync {
  private readonly waiting = new Map<Queue, Map<string, QueryKey>>();
  private readonly timers = new Map<Queue, ReturnType<typeof setTimeout>>();
  private hiddenAt: number | null = null;
  private missed = false;

  constructor(private readonly queries: QueryClient) {}

  events(events: LoggedEvent[]): void {
    for (const event of events) {
      const urgent = URGENT.has(event.kind);
      for (const key of touched(event)) this.add(urgent ? "urgent" : kindOf(key), key);
    }
    if (document.hidden && pauses()) {
      this.missed = true;
      if (events.some((event) => URGENT.has(event.kind))) void this.queries.invalidateQueries({ queryKey: TITLE });
      return;
    }
    for (const queue of this.waiting.keys()) this.plan(queue);
  }

  snapshot(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
    this.waiting.clear();
    void this.queries.invalidateQueries();
  }

  visibility(hidden: boolean): void {
    if (hidden) {
      this.hiddenAt = Date.now();
      return;
    }
    const away = this.hiddenAt === null ? 0 : Date.now() - this.hiddenAt;
    this.hiddenAt = null;
    if (away > HIDDEN_MS) this.snapshot();
    else if (this.missed) for (const queue of [...this.waiting.keys()]) this.flush(queue);
    this.missed = false;
  }

  private add(queue: Queue, key: QueryKey): void {
    const keys = this.waiting.get(queue) ?? new Map<string, QueryKey>();
    keys.set(JSON.stringify(key), key);
    this.waiting.set(queue, keys);
  }

  private plan(queue: Queue): void {
    if (this.timers.has(queue)) return;
    this.timers.set(queue, setTimeout(() => this.flush(queue), queue === "urgent" ? SOON_MS : rateOf(queue)));
  }

  private flush(queue: Queue): void {
    clearTimeout(this.timers.get(queue));
    this.timers.delete(queue);
    const keys = [...(this.waiting.get(queue)?.values() ?? [])];
    this.waiting.delete(queue);
    for (const queryKey of keys) void this.queries.invalidateQueries({ queryKey });
  }
}
