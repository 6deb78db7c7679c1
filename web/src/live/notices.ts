import { answer, api } from "@/api/client";
import type { LoggedEvent } from "@/api/types";
import { plural } from "@/lib/format";
import { isQuiet, notify, type NoticeKind, noticeKind, wants } from "@/lib/notify";

/** Several of a kind within so long are told of together. */
const TOGETHER_MS = 1_500;

const MANY: Record<NoticeKind, (amount: number) => [title: string, path: string]> = {
  requests: (amount) => [`${plural(amount, "request")} of agents wait for you`, "/inbox"],
  failures: (amount) => [`${plural(amount, "task")} failed for good`, "/queues/dead-letters"],
  finished: (amount) => [`${plural(amount, "task")} are done`, "/tasks?state=succeeded"],
  providers: (amount) => [`${plural(amount, "model provider")} fail`, "/activity?action=provider"],
};

async function one(kind: NoticeKind, event: LoggedEvent): Promise<[title: string, body: string, path: string]> {
  const data = event.data as Record<string, string | undefined>;
  if (kind === "providers") return [`Model provider ${data.provider} fails`, data.message ?? "", "/activity?action=provider"];
  if (kind === "requests") return [`${event.agent_id ?? "An agent"} asks`, data.title ?? "", `/inbox/${data.approval_id}`];
  const task = await answer(api.GET("/api/v1/tasks/{task_id}", { params: { path: { task_id: event.task_id ?? "" } } }));
  const title = kind === "failures" ? "Failed for good" : "Done";
  return [title, task.title, `/tasks/${task.id}`];
}

/** Tells of what happens by the browser's own notifications, as somebody set it. `go` opens a page. */
export class Notices {
  private readonly waiting = new Map<NoticeKind, LoggedEvent[]>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly go: (path: string) => void) {}

  events(events: LoggedEvent[]): void {
    const wanted = notify();
    if (!wanted.on || typeof Notification === "undefined" || Notification.permission !== "granted") return;
    if ((wanted.away && !document.hidden && document.hasFocus()) || isQuiet(wanted, new Date())) return;
    for (const event of events) {
      const kind = noticeKind(event);
      if (kind && wants(wanted, kind)) this.waiting.set(kind, [...(this.waiting.get(kind) ?? []), event]);
    }
    if (this.waiting.size > 0) this.timer ??= setTimeout(() => void this.tell(), TOGETHER_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private async tell(): Promise<void> {
    this.timer = undefined;
    const all = [...this.waiting];
    this.waiting.clear();
    for (const [kind, events] of all) {
      const last = events.at(-1)!;
      const many = MANY[kind](events.length);
      const [title, body, path] = events.length > 1 ? [many[0], "", many[1]] : await one(kind, last).catch(() => [many[0], "", many[1]] as const);
      // One tag an event: of several windows, the last one's takes the place of the others'.
      const shown = new Notification(title, { body, tag: `muster-${kind}-${last.seq}`, icon: "/icon.svg" });
      shown.onclick = () => {
        window.focus();
        this.go(path);
        shown.close();
      };
    }
  }
}
