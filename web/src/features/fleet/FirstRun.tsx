import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Play, Plus } from "lucide-react";
import { Link, useNavigate } from "react-router";
import { answer, api } from "@/api/client";
import { workers } from "@/api/queries";
import type { TaskCreate } from "@/api/types";
import { StateGlyph } from "@/components/StateGlyph";
import { ErrorState, Skeleton } from "@/components/States";
import { sayFailed } from "@/components/toasts";
import { count, plural } from "@/lib/format";
import { useOnline } from "@/live/live";
import { type Found, surveyOf } from "./survey";

const DEMO = {
  title: "Write a greeting (demo)", kind: "prompt", type: "feature_implementation",
  payload: {
    agent: "scripted", prompt: "Write a greeting into GREETING.md; ask which one.",
    agent_options: {
      script: [
        { plan: ["Ask what to write", "Write it", "Look at it"] },
        { ask: { text: "Which greeting should the file hold?", options: ["Good morning", "Good evening"] } },
        { write: { path: "GREETING.md", text: "# Greeting\n\nWritten by the scripted agent.\n" } },
        { run: "cat GREETING.md" },
        { say: "GREETING.md is written." },
      ],
    },
  },
};

/** What a new install shows: which agents there are, what they still need, and a first task. */
export default function FirstRun() {
  const found = useQuery(workers);
  const there = found.data?.items ?? [];
  const { installed, absent } = surveyOf(there);
  const real = installed.filter((one) => one.name !== "scripted");
  const ready = real.filter((one) => one.ready);
  return (
    <div className="first">
      <section className="card pan2" aria-labelledby="first-demo">
        <h2 id="first-demo">See how it works</h2>
        <p>A scripted agent writes a file in a sandbox. It asks you one question on the way, needs no key and costs nothing.</p>
        <div className="b"><Demo able={installed.some((one) => one.name === "scripted")} known={found.data !== undefined} /></div>
      </section>
      <section className="card pan2" aria-labelledby="first-own">
        <h2 id="first-own">Queue a task of your own</h2>
        <p>{ready.length > 0 ? `${ready.map((one) => one.title).join(", ")} can work at once.` : "Pick a directory and say what is to be done. Scripts need no agent at all."}</p>
        <div className="b"><Link className={ready.length > 0 ? "btn p" : "btn"} to="/tasks/new"><Plus size={13} />New task</Link></div>
      </section>
      <section className="card pan2 all" aria-labelledby="first-agents">
        <h2 id="first-agents">Agents on {found.data ? plural(new Set(there.map((worker) => worker.host)).size, "machine") : "your machines"}</h2>
        {found.isError && !found.data ? <ErrorState what="The machines could not be asked" error={found.error} retry={() => void found.refetch()} />
          : !found.data ? <Skeleton rows={5} />
          : there.length === 0 ? <p>No worker is connected. Start one with <code className="mono">muster worker start</code> on the machine that has your agents and repositories.</p>
          : <Agents installed={installed} absent={absent} />}
      </section>
    </div>
  );
}

function Demo({ able, known }: { able: boolean; known: boolean }) {
  const go = useNavigate();
  const queries = useQueryClient();
  const online = useOnline();
  const run = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/tasks", { body: DEMO as unknown as TaskCreate })),
    onSuccess: (made) => {
      void queries.invalidateQueries();
      void go(`/tasks/${made.id}`);
    },
    onError: (error) => sayFailed("The demo was not started", error),
  });
  return (
    <>
      <button type="button" className="btn p" disabled={!able || !online || run.isPending} onClick={() => run.mutate()}><Play size={13} />Run the demo</button>
      {known && !able ? <span className="mut">It needs a worker, and none is connected.</span> : null}
    </>
  );
}

function Agents({ installed, absent }: { installed: Found[]; absent: Found[] }) {
  return (
    <>
      <table className="au found" aria-label="Agents that are installed">
        <tbody>{installed.map((one) => <Line key={one.name} found={one} />)}</tbody>
      </table>
      {absent.length > 0 ? (
        <details className="fold">
          <summary>{count(absent.length)} more that muster knows are not installed</summary>
          <table className="au found" aria-label="Agents that are not installed"><tbody>{absent.map((one) => <Line key={one.name} found={one} />)}</tbody></table>
        </details>
      ) : null}
      <p className="mut">Install or sign in an agent on the machine of its worker, then restart that. On the command line: <code className="mono">muster agents detect --all</code></p>
    </>
  );
}

function Line({ found }: { found: Found }) {
  return (
    <tr>
      <td><span className="ag"><StateGlyph state={found.ready ? "succeeded" : "idle"} label="" /><b>{found.title}</b><span className="mono">{found.version}</span></span></td>
      <td>{found.word}<span className="mut"> on {found.hosts.length > 2 ? plural(found.hosts.length, "machine") : found.hosts.join(", ")}</span></td>
    </tr>
  );
}
