import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ChevronDown, Ellipsis, RotateCcw, X } from "lucide-react";
import { useState } from "react";
import { useNavigate } from "react-router";
import { answer, api } from "@/api/client";
import type { Attempt, Task } from "@/api/types";
import { PauseButton } from "@/components/conversation/PauseButton";
import { Dialog } from "@/components/Dialog";
import { Menu } from "@/components/Menu";
import { say, sayFailed } from "@/components/toasts";
import { useAction } from "@/lib/actions";
import { plural } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { isOpen } from "@/lib/states";
import { useOnline } from "@/live/live";
import { taskGraph } from "./queries";

/** What can be done to a task: pause, cancel, run again, archive. */
export function TaskActions({ task, attempt, files }: { task: Task; attempt: Attempt | null; files: number }) {
  const queries = useQueryClient();
  const go = useNavigate();
  const online = useOnline();
  const [asking, setAsking] = useState(false);
  const path = { params: { path: { task_id: task.id } } };
  const settled = { onSettled: () => { for (const key of ["task", "tasks", "fleet", "overview"]) void queries.invalidateQueries({ queryKey: [key] }); } };
  const failed = (what: string) => ({ onError: (error: unknown) => sayFailed(what, error) });
  const cancel = useMutation({ mutationFn: () => answer(api.POST("/api/v1/tasks/{task_id}/cancel", { ...path, body: { reason: "" } })), onSuccess: () => say("Cancelled"), ...failed("Not cancelled"), ...settled });
  const requeue = useMutation({ mutationFn: () => answer(api.POST("/api/v1/tasks/{task_id}/requeue", { ...path, body: { reason: "" } })), onSuccess: () => say("Queued again"), ...failed("Not queued again"), ...settled });
  const rerun = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/tasks/{task_id}/rerun", path)),
    onSuccess: (made) => { say("A new task like it is queued"); void go(`/tasks/${made.id}`); }, ...failed("Not queued"), ...settled,
  });
  const broken = (useQuery(taskGraph(task.id)).data?.nodes ?? []).filter((node) => node.task.parent_id === task.id && node.task.state === "failed").map((node) => node.task.id);
  const again = useMutation({
    mutationFn: (ids: string[]) => answer(api.POST("/api/v1/tasks/requeue", { body: { task_ids: ids, reason: "" } })),
    onSuccess: ({ requeued }) => say(`${plural(requeued, "part")} queued again`), ...failed("Not queued again"), ...settled,
  });
  const unarchive = useMutation({ mutationFn: () => answer(api.POST("/api/v1/tasks/{task_id}/unarchive", path)), onSuccess: () => say("Back in the lists"), ...failed("Not brought back"), ...settled });
  const archive = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/tasks/{task_id}/archive", { ...path, body: { reason: "" } })),
    onSuccess: () => say("Archived", { label: "Undo", run: () => unarchive.mutate() }), ...failed("Not archived"), ...settled,
  });
  const open = isOpen(task);
  const able = (what: () => void) => () => { if (!busy) what(); };
  const ask = able(() => { if (open) setAsking(true); });
  const putAway = able(() => { if (!open && !task.archived_at) archive.mutate(); else if (open) say("Only finished tasks can be archived."); });
  useKeys({ s: ask, e: putAway });
  useAction(open ? { key: "cancel", label: "Cancel the task", note: "s", run: ask } : null);
  useAction(!open && !task.archived_at ? { key: "archive", label: "Archive the task", note: "e", run: putAway } : null);
  useAction({ key: "rerun", label: "Another task like this one", run: able(() => rerun.mutate()) });
  useAction(open ? null : { key: "requeue", label: "This task again, attempts counted anew", run: able(() => requeue.mutate()) });
  const busy = cancel.isPending || requeue.isPending || rerun.isPending || archive.isPending || !online;
  return (
    <div className="acts">
      {attempt?.id === task.attempt?.id ? <PauseButton task={task.id} attempt={attempt} /> : null}
      {open ? <button type="button" className="btn d" disabled={busy} onClick={() => setAsking(true)}><X size={14} />Cancel</button> : null}
      <Menu
        trigger={<button type="button" className="btn" disabled={busy}><RotateCcw size={14} />Re-run<ChevronDown size={13} /></button>}
        items={[
          { label: "A new task like this one", run: () => rerun.mutate() },
          { label: "With an edited prompt…", run: () => void go(`/tasks/new?from=${task.id}`) },
          { label: "With another agent or model…", run: () => void go(`/tasks/new?from=${task.id}&focus=model`), disabled: task.kind !== "prompt" && task.kind !== "llm" },
          ...(broken.length > 0 ? [{ label: `Its ${plural(broken.length, "failed part")} again`, run: () => again.mutate(broken) }] : []),
          { label: "This task again, attempts counted anew", run: () => requeue.mutate(), disabled: open },
        ]}
      />
      <Menu
        trigger={<button type="button" className="btn" aria-label="More" disabled={!online}><Ellipsis size={14} /></button>}
        items={[
          { label: "Copy link", run: () => void navigator.clipboard.writeText(location.href).then(() => say("Link copied")) },
          { label: "Compare runs…", run: () => void go(`/tasks/${task.id}/compare`) },
          { label: "Download bundle", run: () => void import("@/components/bundle").then(({ saveBundle }) => saveBundle(task.id, attempt!.number)), disabled: attempt === null },
          { label: "Copy id", run: () => void navigator.clipboard.writeText(task.id).then(() => say("Id copied")) },
          null,
          task.archived_at ? { label: "Bring back into the lists", run: () => unarchive.mutate() } : { label: "Archive", run: () => archive.mutate(), disabled: open },
        ]}
      />
      {asking ? (
        <Dialog title="Cancel this task?" onClose={() => setAsking(false)}>
          <p>{consequence(task, files)}</p>
          <div className="b">
            <button type="button" className="btn" onClick={() => setAsking(false)}>Keep it</button>
            <button type="button" className="btn x" onClick={() => { setAsking(false); cancel.mutate(); }}>Cancel the task</button>
          </div>
        </Dialog>
      ) : null}
    </div>
  );
}

function consequence(task: Task, files: number): string {
  if (task.state !== "running") return "It will not be started. You can run it again later.";
  const branch = task.attempt?.run?.branch;
  const kept = files > 0 ? ` ${plural(files, "changed file")} stay${files === 1 ? "s" : ""}${branch ? ` on branch ${branch}` : ""}.` : branch ? ` What is on branch ${branch} stays.` : "";
  return `${task.attempt?.run ? "Its agent" : "Its script"} stops now.${kept} Output and conversation stay.`;
}
