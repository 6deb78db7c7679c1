import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";

/** Unchanged lines around what changed: all of them, since a role is read as a whole. */
const WHOLE = 100_000;
/** A version never changes. */
const ALWAYS = { staleTime: Infinity };
export const BY = "web interface";

export function versionsOf(name: string) {
  return infiniteQueryOptions({
    queryKey: ["roles", name, "versions"],
    queryFn: ({ pageParam }) => answer(api.GET("/api/v1/roles/{name}/versions", { params: { path: { name }, query: { limit: 50, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
}

export function versionOf(name: string, version: number) {
  return queryOptions({ queryKey: ["role version", name, version], queryFn: () => answer(api.GET("/api/v1/roles/{name}/versions/{version}", { params: { path: { name, version } } })), ...ALWAYS });
}

export function diffOf(name: string, before: number, after: number) {
  return queryOptions({
    queryKey: ["role diff", name, before, after],
    queryFn: () => answer(api.GET("/api/v1/roles/{name}/versions/{version}/diff", { params: { path: { name, version: after }, query: { against: before, context: WHOLE } }, parseAs: "text" })),
    ...ALWAYS,
  });
}

/** Makes a role what an older version says, if it is still at version `from` (0: it was deleted). */
export function restore(name: string, version: number, from: number) {
  return answer(api.POST("/api/v1/roles/{name}/versions/{version}/restore", { params: { path: { name, version } }, body: { by: BY, if_version: from } }));
}
