import type { Attempt, FleetRow, Task, TaskRow } from "@/api/types";

/** States as people see them, docs/design/ui.md, section 2.1. */
export type Shown =
  | "running" | "waiting" | "succeeded" | "failed" | "stale" | "queued" | "idle" | "paused" | "cancelled" | "archived";

export const WORDS: Record<Shown, string> = {
  running: "Running", waiting: "Waiting", succeeded: "Succeeded", failed: "Failed", stale: "Stale",
  queued: "Queued", idle: "Idle", paused: "Paused", cancelled: "Cancelled", archived: "Archived",
};

/** The order in which groups are shown: what asks for something first. */
export const ORDER: Shown[] = [
  "waiting", "stale", "failed", "running", "paused", "queued", "idle", "cancelled", "succeeded", "archived",
];

export interface Seen {
  state: Shown;
  word: string;
}

/** A task's state; `asked` says whether it waits for a person. */
export function seenTask(task: TaskRow, asked: boolean): Seen {
  if (task.archived_at !== null) return { state: "archived", word: WORDS.archived };
  switch (task.state) {
    case "running":
      if (asked) return { state: "waiting", word: WORDS.waiting };
      if (task.stale === "warned") return { state: "stale", word: WORDS.stale };
      return task.paused ? { state: "paused", word: WORDS.paused } : { state: "running", word: WORDS.running };
    case "failed":
      if (task.stale === "auto_failed") return { state: "failed", word: "Auto-failed" };
      if (task.stale === "timed_out") return { state: "failed", word: "Timed out" };
      return { state: "failed", word: WORDS.failed };
    case "succeeded":
      if (task.review === "pending") return { state: "waiting", word: "To review" };
      if (task.review === "rejected") return { state: "failed", word: "Rejected" };
      return { state: "succeeded", word: WORDS.succeeded };
    case "cancelled":
      return { state: task.state, word: WORDS[task.state] };
    default:
      return { state: "queued", word: WORDS.queued };
  }
}

export function seenAgent(row: FleetRow): Seen {
  if (row.state === "offline") return { state: "cancelled", word: "Offline" };
  return { state: row.state, word: WORDS[row.state] };
}

export function seenAttempt(state: Attempt["state"]): Seen {
  return { state, word: WORDS[state] };
}

/** Whether it waits to be tried, for the first time or again. */
export function isWaiting(task: Pick<TaskRow, "state">): boolean {
  return ["blocked", "backoff", "ready"].includes(task.state);
}

/** Over the reason of the last failure. */
export function whyHeading(task: Task): string {
  return isWaiting(task) && task.attempt ? `Why attempt ${task.attempt.number} failed` : "Why it failed";
}

export function isOpen(task: TaskRow): boolean {
  return !["succeeded", "failed", "cancelled"].includes(task.state);
}
