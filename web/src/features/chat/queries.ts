import { queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import type { KeptEntry, Task } from "@/api/types";
import { CHAT } from "@/components/conversation/continue";

const MOST_BEFORE = 20;
const NEWEST = 200;

export const agents = queryOptions({
  queryKey: ["agents", "chat"],
  queryFn: () => answer(api.GET("/api/v1/agents", { params: { query: { limit: 200 } } })),
  refetchInterval: 15_000,
});

/** Conversations that were begun here, newest first. */
export const recent = queryOptions({
  queryKey: ["tasks", "chat"],
  queryFn: () => answer(api.GET("/api/v1/tasks", { params: { query: { tag: CHAT, limit: 40 } } })),
});

export function lastOf(agent: string) {
  return queryOptions({
    queryKey: ["tasks", "of-agent", agent],
    queryFn: () => answer(api.GET("/api/v1/tasks", { params: { query: { agent, limit: 50 } } })),
  });
}

/** What waits for an agent of that name and was not begun by anybody. */
export function assignedTo(agent: string) {
  return queryOptions({
    queryKey: ["tasks", "assigned", agent],
    queryFn: () => answer(api.GET("/api/v1/tasks", { params: { query: { tag: CHAT, state: ["ready", "blocked", "backoff"], limit: 100 } } })),
    select: (page: { items: { id: string; assigned_to: string | null }[] }) => page.items.find((task) => task.assigned_to === agent)?.id ?? null,
  });
}

export interface Earlier {
  task: Task;
  items: KeptEntry[];
}

/** The conversations a task goes on with, the oldest first. */
export function chainOf(task: Task) {
  return queryOptions({
    queryKey: ["chain", task.id],
    staleTime: Infinity,
    queryFn: async () => {
      const found: Earlier[] = [];
      let before = task.payload.resume;
      while (typeof before === "string" && found.length < MOST_BEFORE) {
        const path = { task_id: before };
        const earlier = await answer(api.GET("/api/v1/tasks/{task_id}", { params: { path } }));
        const from = Math.max((earlier.attempt?.run?.entries ?? 0) - NEWEST, 0);
        const page = await answer(api.GET("/api/v1/tasks/{task_id}/conversation", { params: { path, query: { after: from, limit: NEWEST } } }));
        // The call can answer a document too; this one asks for JSON.
        found.unshift({ task: earlier, items: (page as Exclude<typeof page, string>).items });
        before = earlier.payload.resume;
      }
      return found;
    },
  });
}
