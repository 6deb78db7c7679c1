import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Skull } from "lucide-react";
import { useState } from "react";
import { answer, api } from "@/api/client";
import type { Sandbox } from "@/api/operate";
import { Dialog } from "@/components/Dialog";
import { say, sayFailed } from "@/components/toasts";
import { useOnline } from "@/live/live";

/** Ends a sandbox after saying what that does. */
export function KillSandbox({ sandbox, small = false }: { sandbox: Sandbox; small?: boolean }) {
  const queries = useQueryClient();
  const online = useOnline();
  const [asking, setAsking] = useState(false);
  const kill = useMutation({
    mutationFn: () => answer(api.DELETE("/api/v1/sandboxes/{sandbox_id}", { params: { path: { sandbox_id: sandbox.id } } })),
    onSuccess: () => say("Killed, and its task is cancelled"),
    onError: (error) => sayFailed("Not killed", error),
    onSettled: () => { for (const key of ["sandboxes", "task", "tasks", "fleet", "overview"]) void queries.invalidateQueries({ queryKey: [key] }); },
  });
  const why = !online ? "Not connected" : sandbox.task_id === null ? "It belongs to no task; its worker ends it by itself" : undefined;
  return (
    <>
      <button type="button" className={small ? "btn s d" : "btn d"} disabled={why !== undefined || kill.isPending} title={why} onClick={() => setAsking(true)}><Skull size={13} />Kill</button>
      {asking ? (
        <Dialog title="Kill this sandbox?" onClose={() => setAsking(false)}>
          <p>{sandbox.agent ? `${sandbox.agent} and all it started` : "All that runs in it"} stop now, and the task “{sandbox.title}” is cancelled. Files, output and conversation so far stay; it can be run again.</p>
          <div className="b">
            <button type="button" className="btn" onClick={() => setAsking(false)}>Keep it</button>
            <button type="button" className="btn x" onClick={() => { setAsking(false); kill.mutate(); }}>Kill the sandbox</button>
          </div>
        </Dialog>
      ) : null}
    </>
  );
}
