import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";

const PAGE = 200;

/** All agents with how they do, page by page. */
export const agentPages = infiniteQueryOptions({
  queryKey: ["agents", "pages"],
  queryFn: ({ pageParam }) => answer(api.GET("/api/v1/agents", { params: { query: { limit: PAGE, record: true, cursor: pageParam } } })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page) => page.next_cursor ?? undefined,
  refetchInterval: 15_000,
});

export function agent(id: string) {
  return queryOptions({
    queryKey: ["agents", "one", id],
    queryFn: () => answer(api.GET("/api/v1/agents/{agent_id}", { params: { path: { agent_id: id } } })),
    refetchInterval: 15_000,
  });
}

/** What it worked on last, newest first. */
export function tasksOf(id: string) {
  return queryOptions({
    queryKey: ["tasks", "of-agent", id],
    queryFn: () => answer(api.GET("/api/v1/tasks", { params: { query: { agent: id, limit: 50 } } })),
  });
}

export function usageOf(id: string) {
  return queryOptions({
    queryKey: ["agents", "usage", id],
    queryFn: () => answer(api.GET("/api/v1/agents/{agent_id}/usage", { params: { path: { agent_id: id }, query: { limit: 200 } } })),
    refetchInterval: 15_000,
  });
}
