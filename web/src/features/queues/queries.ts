import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import type { Queue, TaskState } from "@/api/types";

export const WAITING: TaskState[] = ["blocked", "backoff", "ready"];
const ENDED: TaskState[] = ["succeeded", "failed", "cancelled"];

export function queueList(archived: boolean) {
  return queryOptions({
    queryKey: ["queues", "list", archived],
    queryFn: () => answer(api.GET("/api/v1/queues", { params: { query: { limit: 200, archived } } })),
  });
}

export function queue(id: string) {
  return queryOptions({
    queryKey: ["queues", "one", id],
    queryFn: () => answer(api.GET("/api/v1/queues/{queue}", { params: { path: { queue: id } } })),
  });
}

/** The waiting tasks of a queue as they will be handed out. */
export function line(id: string) {
  return infiniteQueryOptions({
    queryKey: ["tasks", "line", id],
    queryFn: ({ pageParam }) => answer(api.GET("/api/v1/tasks", { params: { query: { queue: id, state: WAITING, order: "queue", limit: 100, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

export function runningOf(id: string) {
  return queryOptions({
    queryKey: ["tasks", "running of", id],
    queryFn: () => answer(api.GET("/api/v1/tasks", { params: { query: { queue: id, state: ["running"], limit: 200 } } })),
  });
}

export function endedOf(id: string) {
  return infiniteQueryOptions({
    queryKey: ["tasks", "ended of", id],
    queryFn: ({ pageParam }) => answer(api.GET("/api/v1/tasks", { params: { query: { queue: id, state: ENDED, limit: 100, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

export const waitingIn = (one: Queue) => WAITING.reduce((sum, state) => sum + (one.stats[state] ?? 0), 0);

export const APPROVALS: [Queue["approval"], string][] = [["relaxed", "May be reviewed"], ["strict", "Must be reviewed by a person"]];

export const MODES: [Queue["mode"], string, string][] = [
  ["auto", "Our workers", "worked by our workers"],
  ["manual", "A person", "worked by a person"],
  ["external", "Agents over the API", "claimed by agents over the API"],
];
