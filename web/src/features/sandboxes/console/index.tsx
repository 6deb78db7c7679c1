import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { Link, useParams } from "react-router";
import { ApiProblem } from "@/api/client";
import { type Sandbox, sandbox as sandboxQuery } from "@/api/operate";
import { PageHeading, usePageTitle } from "@/components/Page";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { useShown } from "@/lib/keys";
import { visible } from "@/lib/visible";
import { useConsole } from "./useConsole";

export function Component() {
  const { id = "" } = useParams();
  const found = useQuery(sandboxQuery(id));
  // A shell that has ended stays on the screen when its sandbox is gone.
  const [first, setFirst] = useState<Sandbox | null>(null);
  usePageTitle("Console");
  if (found.data && first?.id !== found.data.id) setFirst(found.data);
  const sandbox = first?.id === id ? first : null;
  if (sandbox?.no_console) {
    return <EmptyState page title="There is no console in this sandbox" action={<Link className="btn p" to={`/sandboxes/${encodeURIComponent(id)}`}>Back to the sandbox</Link>}>{sandbox.no_console}</EmptyState>;
  }
  if (sandbox) return <Console sandbox={sandbox} open={!(found.error instanceof ApiProblem && found.error.status === 404)} />;
  if (found.error instanceof ApiProblem && found.error.status === 404) {
    return <EmptyState page title="This sandbox is not open" action={<Link className="btn p" to="/sandboxes">All sandboxes</Link>}>Nothing open has the id {id}. A sandbox is removed when its attempt ends.</EmptyState>;
  }
  if (found.isError) return <ErrorState page what="The sandbox could not be loaded" error={found.error} retry={() => void found.refetch()} />;
  return <div style={{ padding: 20 }}><Skeleton rows={10} height={40} /></div>;
}

const WORDS = { opening: "Opening: its worker is told.", open: "Open", lost: "The server cannot be reached. The shell goes on; this page tries again." } as const;

function Console({ sandbox, open }: { sandbox: Sandbox; open: boolean }) {
  const [round, setRound] = useState(0);
  const place = useRef<HTMLDivElement>(null);
  const back = useRef<HTMLAnchorElement>(null);
  const key = useShown("console.leave");
  const { opened, at, error, focus } = useConsole(sandbox.id, round, place, () => back.current?.focus());
  const over = at.at === "ended" || error !== null;
  const words = error !== null ? `It could not be opened. ${error instanceof Error ? error.message : String(error)}` : at.at === "ended" ? at.words : WORDS[at.at];
  return (
    <section className="con" aria-label="Console">
      <div className="ph">
        <div>
          <PageHeading>{`Console: ${visible(sandbox.title ?? sandbox.id)}`}</PageHeading>
          <p>A shell beside the task’s program, with its rights. {key ? <><kbd>{key}</kbd> leaves the terminal.</> : "A key to leave the terminal can be bound in Settings."}</p>
        </div>
        <div className="r">
          {over && open ? <button type="button" className="btn p" onClick={() => setRound(round + 1)}>Open another</button> : null}
          {over ? null : <button type="button" className="btn" onClick={focus}>Go to the terminal</button>}
          <Link ref={back} className="btn" to={`/sandboxes/${encodeURIComponent(sandbox.id)}`}>{over ? "Back to the sandbox" : "Close console"}</Link>
        </div>
      </div>
      {opened && !opened.isolated ? <p className="con-open" role="note">This shell is on the machine {sandbox.host ?? ""} itself, as the user of its worker: the level {opened.level} does not isolate.</p> : null}
      <p className="con-at" role="status" data-at={error !== null ? "ended" : at.at}>{words}{at.at === "open" && opened ? <span className="mut">{` It closes after ${opened.idle_minutes} minutes without a key. What is typed is not kept; the program in the sandbox can read along.`}</span> : null}</p>
      <div className="con-screen" ref={place} data-own-keys="" />
    </section>
  );
}
