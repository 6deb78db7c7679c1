import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "react-router";
import { answer, api, ApiProblem } from "@/api/client";
import type { Approval } from "@/api/types";
import { TimeAgo } from "../TimeAgo";
import { say, sayFailed } from "../toasts";
import { BY, refresh } from "./send";
import { text } from "./useAnswer";
import { gaveWords, said } from "./words";

/** What came of a request. Expired is its own word, and can be asked again. */
export function Outcome({ approval }: { approval: Approval }) {
  const scope = text(approval.answer?.scope);
  return (
    <div className="dc-out">
      <p>
        {said(approval)}
        {approval.finished_at ? <TimeAgo at={approval.finished_at} /> : null}
        {scope && scope !== "once" && approval.outcome === "approved" ? `, and exactly this without asking ${scope === "everywhere" ? "everywhere" : `in this ${scope}`}` : null}
        {gaveWords(approval)}
      </p>
      {approval.outcome === "asked back" ? <p className="note">Nothing was approved. Its agent reads the question and asks again.</p> : null}
      {approval.outcome === "expired" ? <Again approval={approval} /> : null}
    </div>
  );
}

function Again({ approval }: { approval: Approval }) {
  const queries = useQueryClient();
  const again = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/approvals/{approval_id}/ask-again", { params: { path: { approval_id: approval.id } }, body: { by: BY } })),
    onSuccess: ({ done }) => say(done === "told" ? "Its agent was told that it may ask again" : "Its task is queued again and will ask by itself"),
    onError: (error) => sayFailed("Not asked again", error),
    onSettled: () => refresh(queries, approval.task_id),
  });
  const done = again.data?.done;
  if (done) return <p className="note">{done === "told" ? "Its agent was told. If it still needs this, it asks again here." : <>Queued again: <Link className="link" to={`/tasks/${approval.task_id}`}>{approval.task}</Link></>}</p>;
  return (
    <div className="b">
      <button type="button" className="btn" disabled={again.isPending || again.isSuccess} onClick={() => again.mutate()}>Ask again</button>
      {again.error instanceof ApiProblem ? <p className="note">{again.error.message}</p> : null}
    </div>
  );
}
