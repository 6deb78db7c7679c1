import { queryOptions } from "@tanstack/react-query";
import { answer, api } from "./client";
import { rateOf } from "@/lib/rates";
import type { components } from "./schema";

export type Sandbox = components["schemas"]["Sandbox"];
export type SandboxSample = components["schemas"]["SandboxSample"];
export type Activity = components["schemas"]["muster__api__schemas__agents__Activity"];

/** Sandboxes are presence, not history: no event tells of them, so they are asked for while somebody looks. */
export const sandboxes = queryOptions({
  queryKey: ["sandboxes"],
  queryFn: () => answer(api.GET("/api/v1/sandboxes")),
  refetchInterval: (query) => ((query.state.data?.items.length ?? 0) > 200 ? Math.max(10_000, rateOf("graphs")) : rateOf("graphs")),
});

export function sandbox(id: string) {
  return queryOptions({
    queryKey: ["sandboxes", id],
    queryFn: () => answer(api.GET("/api/v1/sandboxes/{sandbox_id}", { params: { path: { sandbox_id: id } } })),
    refetchInterval: () => rateOf("graphs"),
  });
}
