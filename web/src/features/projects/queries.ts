import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import type { LedgerEntry, Project, TaskState } from "@/api/types";
import type { Shown } from "@/lib/states";

const DAY_MS = 86_400_000;
/** The burn is that of so many days. */
export const BURN_DAYS = 7;

export const projectList = infiniteQueryOptions({
  queryKey: ["projects", "list"],
  queryFn: ({ pageParam }) => answer(api.GET("/api/v1/projects", { params: { query: { limit: 100, cursor: pageParam } } })),
  initialPageParam: undefined as string | undefined,
  getNextPageParam: (page) => page.next_cursor ?? undefined,
});

export function project(id: string) {
  return queryOptions({
    queryKey: ["projects", "one", id],
    queryFn: () => answer(api.GET("/api/v1/projects/{project}", { params: { path: { project: id } } })),
  });
}

export function ledger(id: string) {
  return infiniteQueryOptions({
    queryKey: ["projects", "ledger", id],
    queryFn: ({ pageParam }) => answer(api.GET("/api/v1/projects/{project}/ledger", { params: { path: { project: id }, query: { limit: 200, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

/** How many open tasks there are in each state people see. */
export function openIn(one: Project): Partial<Record<Shown, number>> {
  const tasks = one.tasks as Partial<Record<TaskState, number>>;
  return { running: tasks.running ?? 0, queued: (tasks.blocked ?? 0) + (tasks.backoff ?? 0) + (tasks.ready ?? 0) };
}

export const openOf = (one: Project) => Object.values(openIn(one)).reduce((sum, amount) => sum + amount, 0);

/** Dollars spent a day over the last days, or null when the ledger that is known does not reach back so far. */
export function burn(entries: LedgerEntry[], complete: boolean, now: number): number | null {
  const since = now - BURN_DAYS * DAY_MS;
  const oldest = entries.at(-1);
  if (!complete && oldest && Date.parse(oldest.at) > since) return null;
  const recent = entries.filter((entry) => entry.kind === "settled" && Date.parse(entry.at) >= since);
  return recent.reduce((sum, entry) => sum + entry.amount_usd, 0) / BURN_DAYS;
}

/** When the money is used up at that rate, in milliseconds; null when it never is. */
export function endsAt(one: Project, perDay: number | null, now: number): number | null {
  if (one.allocated_usd === null || !perDay) return null;
  const left = one.allocated_usd - one.spent_usd - one.reserved_usd;
  const days = Math.max(left, 0) / perDay;
  return days > 3_650 ? null : now + days * DAY_MS;
}
