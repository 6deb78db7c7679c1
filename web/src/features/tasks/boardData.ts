import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { answer, api } from "@/api/client";
import { pendingApprovals, setAside, startOfDay } from "@/api/queries";
import type { Approval, TaskRow } from "@/api/types";
import { say, sayFailed } from "@/components/toasts";
import { put } from "@/lib/line";
import type { Verdict } from "./board";

type Page = { items: TaskRow[]; next_cursor: string | null };
const MOST = 200;

/** The tasks of a board: all that are open, as far as one page goes, and those of which an attempt ended today. */
export function useBoard(project: string | undefined, queue: string | undefined, words: string) {
  const filter = { project, queue, q: words.trim() || undefined, limit: MOST };
  const list = (key: string, query: object) => ({
    queryKey: ["tasks", "board", key, project ?? null, queue ?? null, words.trim()],
    queryFn: () => answer(api.GET("/api/v1/tasks", { params: { query: { ...filter, ...query } } })),
    placeholderData: (before?: Page) => before,
  });
  const queued = useQuery(list("queued", { state: ["blocked", "backoff", "ready"], order: "queue" }));
  const running = useQuery(list("running", { state: ["running"] }));
  const done = useQuery(list("done", { state: ["succeeded", "failed", "cancelled"], ended_after: startOfDay() }));
  const unseen = useQuery(list("review", { review: ["pending", "unseen"] }));
  const approvals = useQuery(pendingApprovals).data;
  const asked = useMemo(() => new Map<string, Approval>(approvals?.items.map((approval) => [approval.task_id, approval])), [approvals]);
  const all = [queued, running, done, unseen];
  const tasks = useMemo(() => [...new Map(all.flatMap((one) => one.data?.items ?? []).map((task) => [task.id, task])).values()], [queued.data, running.data, done.data, unseen.data]); // eslint-disable-line react-hooks/exhaustive-deps -- `all` is these four
  return {
    tasks, asked,
    loading: all.some((one) => one.isPending),
    error: all.find((one) => one.isError && !one.data)?.error,
    refetch: () => { for (const one of all) void one.refetch(); },
    more: { queued: !!queued.data?.next_cursor, running: !!running.data?.next_cursor, waiting: false, review: !!unseen.data?.next_cursor, done: !!done.data?.next_cursor },
  };
}

/** Does what a drop means: shown at once, taken back when the server refuses. `busy` are tasks on their way. */
export function useDrop() {
  const queries = useQueryClient();
  const [busy, setBusy] = useState<ReadonlySet<string>>(new Set());
  const mark = (id: string, on: boolean) => setBusy((before) => { const after = new Set(before); if (on) after.add(id); else after.delete(id); return after; });
  const act = useMutation({
    mutationFn: ({ task, what }: { task: TaskRow; what: Exclude<Verdict, { refused: string }> }) => command(task.id, what),
    onMutate: async ({ task, what }) => {
      mark(task.id, true);
      await queries.cancelQueries({ queryKey: ["tasks", "board"] });
      const before = queries.getQueriesData<Page>({ queryKey: ["tasks", "board"] });
      for (const [key, page] of before) if (page && "items" in page) queries.setQueryData(key, { ...page, items: after(page.items, task, what) });
      return { before };
    },
    onSuccess: (_, { what }) => say(what.says),
    onError: (error, { task }, context) => {
      for (const [key, page] of context?.before ?? []) queries.setQueryData(key, page);
      sayFailed(`${task.title} is back where it was`, error);
    },
    onSettled: async (_, __, { task }) => {
      await queries.invalidateQueries();
      mark(task.id, false);
    },
  });
  return { busy, run: (task: TaskRow, what: Exclude<Verdict, { refused: string }>) => act.mutate({ task, what }) };
}

/** A list of the board as it will be. */
function after(items: TaskRow[], task: TaskRow, what: Exclude<Verdict, { refused: string }>): TaskRow[] {
  switch (what.does) {
    case "move":
      return put(items, task.id, what.beside, what.edge);
    case "change":
      return items.map((one) => (one.id !== task.id || !("priority" in what.change) ? one : { ...one, priority: what.change.priority }));
    case "seen":
      return items.map((one) => (one.id === task.id ? { ...one, review: "none" } : one));
    default:
      return items.filter((one) => one.id !== task.id);
  }
}

function command(id: string, what: Exclude<Verdict, { refused: string }>): Promise<unknown> {
  const path = { params: { path: { task_id: id } } };
  switch (what.does) {
    case "requeue":
      return answer(api.POST("/api/v1/tasks/{task_id}/requeue", { ...path, body: { reason: "" } }));
    case "archive":
      return answer(api.POST("/api/v1/tasks/{task_id}/archive", { ...path, body: { reason: "" } }));
    case "cancel":
      return answer(api.POST("/api/v1/tasks/{task_id}/cancel", { ...path, body: { reason: "" } }));
    case "seen":
      return setAside(id);
    case "move":
      return answer(api.POST("/api/v1/tasks/{task_id}/move", { ...path, body: what.edge === "before" ? { before: what.beside } : { after: what.beside } }));
    case "change":
      return answer(api.PATCH("/api/v1/tasks/{task_id}", { ...path, body: what.change }));
  }
}

