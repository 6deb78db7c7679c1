import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "react-router";
import { answer, api } from "@/api/client";
import { task as taskQuery } from "@/api/queries";
import { visible } from "@/lib/visible";
import { Blocks } from "@/components/Blocks";
import { StateChip } from "@/components/StateGlyph";
import { ErrorState, Skeleton } from "@/components/States";
import { TimeAgo } from "@/components/TimeAgo";
import { say, sayFailed } from "@/components/toasts";
import { plural } from "@/lib/format";
import { isOpen, seenTask } from "@/lib/states";
import { Stuck } from "./Stuck";

/** A task that failed for good, and what can be done about it. */
export function Problem({ id }: { id: string }) {
  const queries = useQueryClient();
  const { data: task, error, refetch } = useQuery(taskQuery(id));
  const path = { params: { path: { task_id: id } } };
  const act = useMutation({
    mutationFn: async (what: "requeue" | "archive" | "unarchive") =>
      what === "requeue" ? answer(api.POST("/api/v1/tasks/{task_id}/requeue", { ...path, body: { reason: "" } }))
        : what === "archive" ? answer(api.POST("/api/v1/tasks/{task_id}/archive", { ...path, body: { reason: "" } }))
        : answer(api.POST("/api/v1/tasks/{task_id}/unarchive", path)),
    onSuccess: (_, what) => say(what === "requeue" ? "Queued again" : what === "archive" ? "Archived" : "Back in the lists", what === "archive" ? { label: "Undo", run: () => act.mutate("unarchive") } : undefined),
    onError: (problem) => sayFailed("Not done", problem),
    onSettled: () => void queries.invalidateQueries(),
  });
  if (error && !task) return <ErrorState what="The task could not be loaded" error={error} retry={() => void refetch()} />;
  if (!task) return <Skeleton rows={5} />;
  if (isOpen(task) && task.waiting) return <Stuck task={task} />;
  const { state, word } = seenTask(task, false);
  const finished = task.state === "failed" && !task.archived_at;
  return (
    <section className="card pan" style={{ padding: "12px 14px" }}>
      <div style={{ display: "flex", gap: 8, alignItems: "center", fontSize: 12.5 }} className="sub"><StateChip state={state} word={word} />{plural(task.attempts, "attempt")}{task.finished_at ? <TimeAgo at={task.finished_at} /> : null}</div>
      <h2 style={{ padding: "8px 0 4px", minHeight: 0, fontSize: 15 }}>{task.title}</h2>
      <p className="sub" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>{visible(task.error ?? "It did not say why.")}</p>
      {task.attempt?.code ? <p className="mut" style={{ fontSize: 12 }}>Code {task.attempt.code}</p> : null}
      <p className="sub" style={{ marginTop: 6 }}><Blocks task={task} ask lead="It " /></p>
      <div style={{ display: "flex", gap: 6, marginTop: 12, flexWrap: "wrap" }}>
        <Link className="btn p" to={`/tasks/${id}`}>Open task</Link>
        <button type="button" className="btn" disabled={!finished || act.isPending} onClick={() => act.mutate("requeue")}>Re-run</button>
        <button type="button" className="btn g" disabled={!finished || act.isPending} onClick={() => act.mutate("archive")}>Dismiss</button>
      </div>
    </section>
  );
}
