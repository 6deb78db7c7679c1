import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { ApiProblem } from "@/api/client";
import { sandbox as sandboxQuery } from "@/api/operate";
import { Charts } from "@/components/sandbox/Charts";
import { Details } from "@/components/sandbox/Details";
import { KillSandbox } from "@/components/sandbox/KillSandbox";
import { OpenConsole } from "@/components/sandbox/OpenConsole";
import { PageHeading, usePageTitle } from "@/components/Page";
import { StateChip } from "@/components/StateGlyph";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { visible } from "@/lib/visible";

export function Component() {
  const { id = "" } = useParams();
  const found = useQuery(sandboxQuery(id));
  usePageTitle("Sandbox");
  const gone = found.error instanceof ApiProblem && found.error.status === 404;
  if (gone) {
    const task = found.data?.task_id;
    return (
      <EmptyState page title="This sandbox is not open" action={<><Link className="btn p" to="/sandboxes">All sandboxes</Link>{task ? <Link className="btn" to={`/tasks/${task}`}>Its task</Link> : null}</>}>
        Nothing open has the id {id}. A sandbox is removed when its attempt ends; what came of it is with its task.
      </EmptyState>
    );
  }
  if (found.isError && !found.data) return <ErrorState page what="The sandbox could not be loaded" error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <div style={{ padding: 20 }}><Skeleton rows={10} height={40} /></div>;
  const sandbox = found.data;
  return (
    <>
      <div className="ph">
        <div>
          <PageHeading>{visible(sandbox.title ?? sandbox.id)}</PageHeading>
          <p style={{ display: "flex", gap: 8, alignItems: "center" }}><StateChip state={sandbox.state === "paused" ? "paused" : "running"} />{sandbox.level} on {sandbox.host ?? "an unknown machine"}</p>
        </div>
        <div className="r">
          {sandbox.task_id ? <Link className="btn" to={`/tasks/${sandbox.task_id}`}>Open task</Link> : null}
          <OpenConsole sandbox={sandbox} />
          <KillSandbox sandbox={sandbox} />
        </div>
      </div>
      <div className="sbx">
        <section aria-labelledby="used"><h2 className="sec" id="used" style={{ paddingLeft: 0 }}>What it uses <span className="mut">the last two minutes</span></h2><Charts sandbox={sandbox} /></section>
        <section className="card" aria-label="Details" style={{ padding: "12px 14px", alignSelf: "start" }}><Details sandbox={sandbox} /></section>
      </div>
    </>
  );
}
