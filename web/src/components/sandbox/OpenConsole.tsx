import { SquareTerminal } from "lucide-react";
import { Link } from "react-router";
import type { Sandbox } from "@/api/operate";
import { useOnline } from "@/live/live";

/** To a shell in the sandbox, where there can be one. */
export function OpenConsole({ sandbox, small = false }: { sandbox: Sandbox; small?: boolean }) {
  const online = useOnline();
  const why = !online ? "Not connected" : sandbox.no_console ?? (sandbox.task_id === null ? "It belongs to no task" : sandbox.state === "paused" ? "The sandbox is paused, and so would be its shell" : null);
  const look = small ? "btn s" : "btn";
  if (why !== null) return <button type="button" className={look} disabled title={why}><SquareTerminal size={13} />Open console</button>;
  return <Link className={look} to={`/sandboxes/${encodeURIComponent(sandbox.id)}/console`}><SquareTerminal size={13} />Open console</Link>;
}
