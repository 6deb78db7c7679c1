import { useMutation, useQueryClient } from "@tanstack/react-query";
import { X } from "lucide-react";
import { useState } from "react";
import { answer, api } from "@/api/client";
import { Dialog } from "@/components/Dialog";
import { say, sayFailed } from "@/components/toasts";
import { useOnline } from "@/live/live";

interface CancelProps {
  task: string;
  label?: string;
  small?: boolean;
  consequence: string;
}

/** Stops a task after saying what that does. */
export function CancelTask({ task, label = "Cancel", small = true, consequence }: CancelProps) {
  const queries = useQueryClient();
  const online = useOnline();
  const [asking, setAsking] = useState(false);
  const cancel = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/tasks/{task_id}/cancel", { params: { path: { task_id: task } }, body: { reason: "" } })),
    onSuccess: () => say("Cancelled"),
    onError: (error) => sayFailed("Not cancelled", error),
    onSettled: () => { for (const key of ["task", "tasks", "fleet", "overview"]) void queries.invalidateQueries({ queryKey: [key] }); },
  });
  return (
    <>
      <button type="button" className={small ? "btn s d" : "btn d"} disabled={cancel.isPending || !online} title={online ? undefined : "Not connected"} onClick={() => setAsking(true)}><X size={13} />{label}</button>
      {asking ? (
        <Dialog title="Cancel this task?" onClose={() => setAsking(false)}>
          <p>{consequence}</p>
          <div className="b">
            <button type="button" className="btn" onClick={() => setAsking(false)}>Keep it</button>
            <button type="button" className="btn x" onClick={() => { setAsking(false); cancel.mutate(); }}>Cancel the task</button>
          </div>
        </Dialog>
      ) : null}
    </>
  );
}

export function Requeue({ task }: { task: string }) {
  const queries = useQueryClient();
  const online = useOnline();
  const again = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/tasks/{task_id}/requeue", { params: { path: { task_id: task } }, body: { reason: "" } })),
    onSuccess: () => say("Queued again"),
    onError: (error) => sayFailed("Not queued again", error),
    onSettled: () => { for (const key of ["task", "tasks", "fleet", "overview"]) void queries.invalidateQueries({ queryKey: [key] }); },
  });
  return <button type="button" className="btn s" disabled={again.isPending || !online} onClick={() => again.mutate()}>Re-run</button>;
}
