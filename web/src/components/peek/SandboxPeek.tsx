import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { ApiProblem } from "@/api/client";
import { sandbox as sandboxQuery } from "@/api/operate";
import { Charts } from "@/components/sandbox/Charts";
import { Details } from "@/components/sandbox/Details";
import { KillSandbox } from "@/components/sandbox/KillSandbox";
import { OpenConsole } from "@/components/sandbox/OpenConsole";
import { StateChip } from "@/components/StateGlyph";
import { ErrorState, Skeleton } from "@/components/States";
import { shortId } from "@/lib/format";

/** A sandbox at a glance. */
export default function SandboxPeek({ id }: { id: string }) {
  const found = useQuery(sandboxQuery(id));
  if (found.error instanceof ApiProblem && found.error.status === 404) return <p className="state">This sandbox is not open any more. Its task holds what came of it.</p>;
  if (found.isError && !found.data) return <ErrorState what="The sandbox could not be loaded" error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Skeleton rows={8} height={32} />;
  const sandbox = found.data;
  return (
    <>
      <div className="hd2"><StateChip state={sandbox.state === "paused" ? "paused" : "running"} />{sandbox.task_id ? <span className="mono mut">{shortId(sandbox.task_id)}</span> : null}</div>
      <h2>{sandbox.title ?? sandbox.id}</h2>
      <div className="b">
        <Link className="btn s" to={`/sandboxes/${encodeURIComponent(sandbox.id)}`}>Open</Link>
        {sandbox.task_id ? <Link className="btn s" to={`/tasks/${sandbox.task_id}`}>Open task</Link> : null}
        <OpenConsole sandbox={sandbox} small />
        <KillSandbox sandbox={sandbox} small />
      </div>
      <Details sandbox={sandbox} />
      <Charts sandbox={sandbox} />
    </>
  );
}
