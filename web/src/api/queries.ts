import { queryOptions, useQuery } from "@tanstack/react-query";
import { answer, api } from "./client";
import { rateOf } from "@/lib/rates";
import type { TaskRow, TaskState } from "./types";

/** Midnight here, or so the day of the person who looks. */
export function startOfDay(): string {
  const midnight = new Date();
  midnight.setHours(0, 0, 0, 0);
  return midnight.toISOString();
}

export const overview = queryOptions({
  queryKey: ["overview"],
  queryFn: () => answer(api.GET("/api/v1/overview", { params: { query: { since: startOfDay() } } })),
  refetchInterval: 30_000,
});

export const fleet = queryOptions({
  queryKey: ["fleet"],
  queryFn: () => answer(api.GET("/api/v1/fleet")),
  // It is large and asked for by a clock below: a page that comes to it meanwhile takes what is there.
  staleTime: 5_000,
  // What agents do moves without events; while somebody looks and something runs, it is asked for anew.
  refetchInterval: (query) => {
    const rows = query.state.data?.rows ?? [];
    if (!rows.some((row) => row.task_id !== null)) return 15_000;
    // A large fleet is a large answer.
    return Math.max(rateOf("agents"), rows.length > 500 ? 10_000 : rows.length > 150 ? 5_000 : 2_000);
  },
});

export const pendingApprovals = queryOptions({
  queryKey: ["approvals", "pending"],
  queryFn: () => answer(api.GET("/api/v1/approvals", { params: { query: { limit: 200 } } })),
});

export interface TaskFilter {
  state?: TaskState[];
  review?: TaskRow["review"][];
  q?: string;
  queue?: string;
  project?: string;
  agent?: string;
  archived?: boolean;
  depends_on?: string;
  stuck?: boolean;
  created_after?: string;
  ended_after?: string;
  order?: "newest" | "oldest" | "queue";
  limit?: number;
}

export function tasks(filter: TaskFilter, cursor?: string) {
  return queryOptions({
    queryKey: ["tasks", filter, cursor ?? null],
    queryFn: () => answer(api.GET("/api/v1/tasks", { params: { query: { limit: 100, ...filter, cursor } } })),
  });
}

/** Results that wait for a verdict. */
export const toReview = tasks({ review: ["pending"], limit: 200 });

/** Results with commits that nobody merged, decided on or set aside; nothing waits for them. */
export const unseen = tasks({ review: ["unseen"], limit: 20 });

/** Takes a result out of those. */
export const setAside = (id: string) => answer(api.POST("/api/v1/tasks/{task_id}/seen", { params: { path: { task_id: id } }, body: { by: "web interface" } }));

/** Puts it back among them. */
export const takeBack = (id: string) => answer(api.POST("/api/v1/tasks/{task_id}/unseen", { params: { path: { task_id: id } }, body: { by: "web interface" } }));

export const problems = tasks({ state: ["failed"], limit: 50 });

/** Open tasks that wait for what will not be done. */
export const stuck = tasks({ stuck: true, limit: 50 });

const OPEN: TaskState[] = ["blocked", "backoff", "ready", "running"];

/** Open tasks that wait for one. */
export function waitersOf(id: string) {
  return tasks({ depends_on: id, state: OPEN, limit: 20 });
}

export function task(id: string) {
  return queryOptions({
    queryKey: ["task", id],
    queryFn: () => answer(api.GET("/api/v1/tasks/{task_id}", { params: { path: { task_id: id } } })),
    refetchInterval: (query) => (query.state.data?.state === "running" ? 3_000 : false),
  });
}

export function taskAttempts(id: string) {
  return queryOptions({
    queryKey: ["task", id, "attempts"],
    queryFn: () => answer(api.GET("/api/v1/tasks/{task_id}/attempts", { params: { path: { task_id: id } } })),
  });
}

export function taskFiles(id: string, attempt?: number) {
  return queryOptions({
    queryKey: ["task", id, "files", attempt ?? null],
    queryFn: () => answer(api.GET("/api/v1/tasks/{task_id}/files", { params: { path: { task_id: id }, query: { attempt } } })),
  });
}

export function taskGit(id: string, attempt?: number) {
  return queryOptions({
    queryKey: ["task", id, "git", attempt ?? null],
    queryFn: () => answer(api.GET("/api/v1/tasks/{task_id}/git", { params: { path: { task_id: id }, query: { attempt } } })),
  });
}

export function fileDiff(id: string, path: string, attempt: number) {
  return queryOptions({
    queryKey: ["diff", id, path, attempt],
    queryFn: () =>
      answer(api.GET("/api/v1/tasks/{task_id}/files/diff", { params: { path: { task_id: id }, query: { path, attempt } }, parseAs: "text" })),
    staleTime: 60_000,
  });
}

export function taskApprovals(id: string) {
  return queryOptions({
    queryKey: ["approvals", "task", id],
    queryFn: () => answer(api.GET("/api/v1/approvals", { params: { query: { task: id, state: "all", limit: 200 } } })),
  });
}

export function taskEvents(id: string) {
  return queryOptions({
    queryKey: ["task", id, "events"],
    queryFn: () => answer(api.GET("/api/v1/tasks/{task_id}/events", { params: { path: { task_id: id }, query: { limit: 500 } } })),
  });
}

export const queues = queryOptions({
  queryKey: ["queues"],
  queryFn: () => answer(api.GET("/api/v1/queues", { params: { query: { limit: 200 } } })),
});

export const projects = queryOptions({
  queryKey: ["projects"],
  queryFn: () => answer(api.GET("/api/v1/projects", { params: { query: { limit: 200 } } })),
});

/** Work sessions that take tasks. */
export const sessions = queryOptions({
  queryKey: ["sessions", "active"],
  queryFn: () => answer(api.GET("/api/v1/sessions", { params: { query: { status: "active", limit: 200 } } })),
});

export const roles = queryOptions({ queryKey: ["roles"], queryFn: () => answer(api.GET("/api/v1/roles")) });

export const workers = queryOptions({
  queryKey: ["workers"],
  queryFn: () => answer(api.GET("/api/v1/workers", { params: { query: { limit: 200 } } })),
  refetchInterval: 15_000,
});

/** Tasks that wait for a person, as far as they are known. */
export function useAsked(): Set<string> {
  const { data } = useQuery(pendingApprovals);
  return new Set(data?.items.map((approval) => approval.task_id));
}
