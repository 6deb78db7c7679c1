import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { task as taskQuery, tasks } from "@/api/queries";
import type { Attempt, Task, TaskFiles } from "@/api/types";
import { visible } from "@/lib/visible";
import { ChangeDots, PlusMinus } from "@/components/PlusMinus";
import { StateGlyph } from "@/components/StateGlyph";
import { Elapsed } from "@/components/TimeAgo";
import { say } from "@/components/toasts";
import { cx } from "@/lib/cx";
import { plural, shortId, shortPath } from "@/lib/format";
import { type Shown, seenAttempt, seenTask } from "@/lib/states";
import { LiveOutput } from "./LiveOutput";

interface OverviewProps {
  task: Task;
  attempts: Attempt[];
  attempt: Attempt | null;
  files: TaskFiles | undefined;
  pending: boolean;
}

export function Overview({ task, attempts, attempt, files, pending }: OverviewProps) {
  const produced = files?.produced ?? [];
  return (
    <>
      <Prompt task={task} />
      <Steps task={task} attempts={attempts} attempt={attempt} pending={pending} />
      {task.error ? <Failure task={task} /> : null}
      <div className={produced.length > 0 ? "two-col" : undefined}>
        <LiveOutput task={task} attempt={attempt} />
        {produced.length > 0 ? <Changes task={task} files={files!} /> : null}
      </div>
      {task.output ? <section className="card pan"><h2>What it said at the end</h2><p className="pr">{visible(task.output)}</p></section> : null}
    </>
  );
}

/** The words of a task: its prompt, its script or its command line. */
export function wordsOf(task: Task): string {
  const { payload } = task;
  if (typeof payload.prompt === "string") return payload.prompt;
  if (typeof payload.script === "string") return payload.script;
  if (Array.isArray(payload.argv)) return payload.argv.join(" ");
  return task.description || (typeof payload.path === "string" ? payload.path : "");
}

function Prompt({ task }: { task: Task }) {
  const [all, setAll] = useState(false);
  const words = wordsOf(task);
  const long = words.length > 360 || words.split("\n").length > 3;
  const script = ["bash", "python", "command"].includes(task.kind);
  if (!words) return null;
  return (
    <section className="card pan">
      <h2>{script ? "Script" : "Prompt"}
        <span className="r">
          <button type="button" className="btn s g" onClick={() => void navigator.clipboard.writeText(words).then(() => say("Copied"))}>Copy</button>
          {long ? <button type="button" className="btn s g" aria-expanded={all} onClick={() => setAll(!all)}>{all ? "Show less" : "Show all"}</button> : null}
        </span>
      </h2>
      <p className={cx("pr", long && !all && "short", script && "mono")}>{visible(words)}</p>
    </section>
  );
}

function Failure({ task }: { task: Task }) {
  return (
    <section className="card pan">
      <h2><StateGlyph state="failed" label="" />Why it failed<span className="mut">{task.attempt?.code ?? ""}</span></h2>
      <p className="pr" style={{ color: "var(--fg)" }}>{visible(task.error ?? "")}</p>
    </section>
  );
}

interface Node {
  key: string;
  to: string;
  state: Shown;
  name: string;
  by: string;
  time: React.ReactNode;
  here?: boolean;
}

/** Where the work stands: what it waits for, its attempts, and what waits for it. */
function Steps({ task, attempts, attempt, pending }: Omit<OverviewProps, "files">) {
  const before = task.depends_on.slice(0, 6);
  const children = useQuery(tasks({ parent: task.id, limit: 6 } as Parameters<typeof tasks>[0])).data?.items ?? [];
  const nodes: Node[] = attempts.map((one) => ({
    key: one.id, to: `?attempt=${one.number}`, name: `Attempt ${one.number}`, by: one.run?.agent ?? one.agent_id,
    state: one.state === "running" && pending ? "waiting" : one.paused ? "paused" : seenAttempt(one.state).state,
    time: <Elapsed since={one.claimed_at} until={one.finished_at} />, here: attempts.length > 1 && one.id === attempt?.id,
  }));
  const waits = ["blocked", "backoff", "ready"].includes(task.state);
  if (waits) nodes.push({ key: "next", to: "", state: "queued", name: nodes.length > 0 ? `Attempt ${attempts.length + 1}` : "First attempt", by: task.waiting?.message ?? "queued", time: "" });
  const done = attempts.filter((one) => one.state !== "running").length;
  return (
    <section className="card pan">
      <h2>Workflow <span className="mut">{[before.length > 0 && "depends on", "attempts", children.length > 0 && "subtasks"].filter(Boolean).join(", ")}</span>
        {done > 0 ? <span className="r num mut">{plural(done, "attempt")} ended</span> : null}
      </h2>
      <div className="dag" tabIndex={0} role="group" aria-label="Steps of the work">
        {before.length > 0 ? <><div className="col">{before.map((id) => <Dependency key={id} id={id} />)}</div><Edge ok={task.state !== "blocked"} /></> : null}
        {nodes.map((node, index) => (
          <div key={node.key} style={{ display: "contents" }}>
            {index > 0 ? <Edge ok={nodes[index - 1]!.state === "succeeded"} /> : null}
            <NodeBox node={node} />
          </div>
        ))}
        {children.length > 0 ? (
          <><Edge ok={false} /><div className="col">{children.map((child) => {
            const { state } = seenTask(child, false);
            return <NodeBox key={child.id} node={{ key: child.id, to: `/tasks/${child.id}`, state, name: child.title, by: shortId(child.id), time: "" }} />;
          })}</div></>
        ) : null}
      </div>
    </section>
  );
}

function Edge({ ok }: { ok: boolean }) {
  return <span className={cx("edge", ok && "ok")} aria-hidden="true" />;
}

function NodeBox({ node }: { node: Node }) {
  return (
    <Link className={cx("nd", node.state, node.here && "here")} to={node.to} aria-current={node.here || undefined} title={node.by}>
      <span className="a"><StateGlyph state={node.state} /><span className="cut">{node.name}</span></span>
      <span className="b"><span className="cut">{node.by}</span><span>{node.time}</span></span>
    </Link>
  );
}

function Dependency({ id }: { id: string }) {
  const found = useQuery(taskQuery(id)).data;
  const state = found ? seenTask(found, false).state : "queued";
  return <NodeBox node={{ key: id, to: `/tasks/${id}`, state, name: found?.title ?? shortId(id), by: shortId(id), time: "" }} />;
}

function Changes({ task, files }: { task: Task; files: TaskFiles }) {
  const shown = files.produced.slice(0, 8);
  return (
    <section className="card pan" style={{ overflow: "hidden", alignSelf: "start" }}>
      <h2>Changes <PlusMinus loose plus={files.totals.additions} minus={files.totals.deletions} /><span className="r"><Link className="btn s" to={`/tasks/${task.id}/changes`}>Review diff</Link></span></h2>
      {shown.map((file) => (
        <Link className="f" key={file.path} to={`/tasks/${task.id}/changes?file=${encodeURIComponent(file.path)}`} title={file.path}>
          <span className="path">{visible(shortPath(file.path, 26))}</span><PlusMinus plus={file.additions} minus={file.deletions} /><ChangeDots plus={file.additions} minus={file.deletions} />
        </Link>
      ))}
      {files.produced.length > shown.length ? <Link className="f" to={`/tasks/${task.id}/changes`}>and {files.produced.length - shown.length} more</Link> : null}
    </section>
  );
}
