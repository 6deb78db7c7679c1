import { useMutation, useQueryClient } from "@tanstack/react-query";
import { X } from "lucide-react";
import { useState } from "react";
import { answer, api } from "@/api/client";
import type { Task } from "@/api/types";
import { Dialog } from "@/components/Dialog";
import { say, sayFailed } from "@/components/toasts";
import { useAction } from "@/lib/actions";
import { useKeys } from "@/lib/keys";
import { useOnline } from "@/live/live";

/** Ends what the agent works on now: its task is cancelled. */
export function StopButton({ task }: { task: Task }) {
  const [asking, setAsking] = useState(false);
  const queries = useQueryClient();
  const online = useOnline();
  const stop = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/tasks/{task_id}/cancel", { params: { path: { task_id: task.id } }, body: { reason: "" } })),
    onSuccess: () => say("Stopped"),
    onError: (error) => sayFailed("Not stopped", error),
    onSettled: () => { for (const key of ["task", "tasks", "fleet", "overview", "agents"]) void queries.invalidateQueries({ queryKey: [key] }); },
  });
  useKeys({ s: () => setAsking(true) });
  useAction({ key: "stop", label: "Stop what the agent works on", note: "s", run: () => setAsking(true) });
  const branch = task.attempt?.run?.branch;
  return (
    <>
      <button type="button" className="btn d" disabled={stop.isPending || !online} onClick={() => setAsking(true)}><X size={14} />Stop</button>
      {asking ? (
        <Dialog title="Stop what it works on?" onClose={() => setAsking(false)}>
          <p>“{task.title}” is cancelled and its agent ends now.{branch ? ` What is on branch ${branch} stays.` : ""} Output and conversation stay.</p>
          <div className="b">
            <button type="button" className="btn" onClick={() => setAsking(false)}>Let it go on</button>
            <button type="button" className="btn x" onClick={() => { setAsking(false); stop.mutate(); }}>Stop and cancel the task</button>
          </div>
        </Dialog>
      ) : null}
    </>
  );
}
