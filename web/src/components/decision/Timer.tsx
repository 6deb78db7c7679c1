import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import type { Approval } from "@/api/types";
import { Countdown } from "../TimeAgo";
import { say, sayFailed } from "../toasts";
import { BY, refresh } from "./send";

const MORE_S = 1_800;

/** What is left of the time of a request, and half an hour more of it. */
export function Timer({ approval }: { approval: Approval }) {
  const queries = useQueryClient();
  const more = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/approvals/{approval_id}/extend", { params: { path: { approval_id: approval.id } }, body: { seconds: MORE_S, by: BY } })),
    onSuccess: () => say("It waits longer"),
    onError: (error) => sayFailed("It does not wait longer", error),
    onSettled: () => refresh(queries, approval.task_id),
  });
  if (!approval.expires_at) return null;
  const most = approval.expires_at === approval.latest_expiry;
  return (
    <span className="dc-time">
      <Countdown until={approval.expires_at} />
      <button type="button" className="btn s g" disabled={more.isPending || most} title={most ? "A request waits a week at most" : "Let it wait 30 minutes longer"} onClick={() => more.mutate()}>+30 min</button>
    </span>
  );
}
