import { queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import type { components } from "@/api/schema";
import type { Task } from "@/api/types";

export type Graph = components["schemas"]["TaskGraph"];
export type GraphNode = components["schemas"]["GraphNode"];

/** What a task waits for, its parts and what waits for it. */
export function taskGraph(id: string) {
  return queryOptions({
    // Anew with the lists: when any task changes.
    queryKey: ["tasks", "graph", id],
    queryFn: () => answer(api.GET("/api/v1/tasks/{task_id}/graph", { params: { path: { task_id: id } } })),
  });
}

const RERUN = "rerun:";

/** The first of all tasks that are the same work. */
export function firstRun(task: Task): string {
  return task.tags.find((tag) => tag.startsWith(RERUN))?.slice(RERUN.length) ?? task.id;
}

/** Tasks that are the same work again, the newest first; the first one is not among them. */
export function reruns(first: string) {
  return queryOptions({
    queryKey: ["tasks", "reruns", first],
    queryFn: () => answer(api.GET("/api/v1/tasks", { params: { query: { tag: `${RERUN}${first}`, limit: 20 } } })),
  });
}
