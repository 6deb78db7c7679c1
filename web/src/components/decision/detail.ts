import { queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";

/** A request with what came before it: its agent's reason, and what it takes the place of. */
export function approvalDetail(id: string) {
  return queryOptions({
    queryKey: ["approvals", "one", id],
    queryFn: () => answer(api.GET("/api/v1/approvals/{approval_id}", { params: { path: { approval_id: id } } })),
  });
}
