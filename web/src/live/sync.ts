import type { QueryClient, QueryKey } from "@tanstack/react-query";
import type { LoggedEvent } from "@/api/types";

const FLUSH_MS = 1_000;
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

/** Keeps what is shown in step with the log, at most once a second for each list. */
export class Sync {
  private readonly waiting = new Map<string, QueryKey>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private soon = false;
  private hiddenAt: number | null = null;
  private missed = false;

  constructor(private readonly queries: QueryClient) {}

  events(events: LoggedEvent[]): void {
    let urgent = false;
    for (const event of events) {
      for (const key of touched(event)) this.waiting.set(JSON.stringify(key), key);
      urgent ||= URGENT.has(event.kind);
    }
    if (document.hidden) {
      this.missed = true;
      return;
    }
    this.plan(urgent ? SOON_MS : FLUSH_MS, urgent);
  }

  snapshot(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
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
    else if (this.missed) this.flush();
    this.missed = false;
  }

  private plan(wait: number, urgent: boolean): void {
    if (this.timer !== undefined && (!urgent || this.soon)) return;
    clearTimeout(this.timer);
    this.soon = urgent;
    this.timer = setTimeout(() => this.flush(), wait);
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.soon = false;
    const keys = [...this.waiting.values()];
    this.waiting.clear();
    for (const queryKey of keys) void this.queries.invalidateQueries({ queryKey });
  }
}
