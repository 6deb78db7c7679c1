import type { QueryClient } from "@tanstack/react-query";
import { create } from "zustand";
import type { Approval, ApprovalAnswer } from "@/api/types";
import { say, sayFailed } from "@/components/toasts";
import { beaten, refresh, send, sendLeaving } from "./send";

export const UNDO_MS = 5_000;
export const UNDO_MANY_MS = 10_000;

interface Job {
  approval: Approval;
  given: Partial<ApprovalAnswer>;
  queries: QueryClient;
  timer: ReturnType<typeof setTimeout>;
}

/** Decisions that were made and are not sent yet, with the moment at which each is. */
export const useHeld = create<Record<string, number>>(() => ({}));
const jobs = new Map<string, Job>();

/** Approve in a moment: until then it can be undone, and nothing has been sent. */
export function hold(approvals: Approval[], given: Partial<ApprovalAnswer>, queries: QueryClient, milliseconds = UNDO_MS): void {
  const fresh = approvals.filter((approval) => !jobs.has(approval.id));
  const until = Date.now() + milliseconds;
  for (const approval of fresh) {
    jobs.set(approval.id, { approval, given, queries, timer: setTimeout(() => deliver(approval.id), milliseconds) });
  }
  useHeld.setState(Object.fromEntries(fresh.map((approval) => [approval.id, until])));
  const what = fresh.length === 1 ? `Approved: ${fresh[0]!.title.slice(0, 60)}` : `${fresh.length} approved`;
  if (fresh.length > 0) say(what, { label: "Undo", run: () => undo(fresh.map((approval) => approval.id)) }, milliseconds);
}

export function undo(ids: string[]): void {
  let undone = 0;
  for (const id of ids) undone += take(id) ? 1 : 0;
  say(undone > 0 ? "Undone, nothing was sent" : "Too late: it was sent");
}

function take(id: string): Job | undefined {
  const job = jobs.get(id);
  if (!job) return undefined;
  clearTimeout(job.timer);
  jobs.delete(id);
  useHeld.setState((before) => Object.fromEntries(Object.entries(before).filter(([one]) => one !== id)), true);
  return job;
}

function deliver(id: string): void {
  const job = jobs.get(id);
  if (!job) return;
  clearTimeout(job.timer);
  jobs.delete(id);
  void send(job.approval, job.given)
    .catch((error: unknown) => {
      const why = beaten(error);
      if (why) say(why);
      else sayFailed("Not approved", error);
    })
    .finally(() => {
      useHeld.setState((before) => Object.fromEntries(Object.entries(before).filter(([one]) => one !== id)), true);
      refresh(job.queries, job.approval.task_id);
    });
}

/** A page that is left sends at once what was decided on it: before it goes, where the browser says so, as what is sent while it goes may be lost. */
for (const leaving of ["beforeunload", "pagehide"]) {
  addEventListener(leaving, () => {
    for (const id of [...jobs.keys()]) {
      const job = take(id);
      if (job) sendLeaving(job.approval, job.given);
    }
  });
}
