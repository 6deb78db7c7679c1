import { lazy, Suspense, useState } from "react";
import { Link } from "react-router";
import type { Attempt, Task, TaskFiles } from "@/api/types";
import { visible } from "@/lib/visible";
import { ChangeDots, PlusMinus } from "@/components/PlusMinus";
import { StateGlyph } from "@/components/StateGlyph";
import { say } from "@/components/toasts";
import { cx } from "@/lib/cx";
import { shortPath } from "@/lib/format";
import { whyHeading } from "@/lib/states";
import { LiveOutput } from "./LiveOutput";

const AttemptList = lazy(() => import("./AttemptList"));
const Ownership = lazy(() => import("./Ownership"));
const Workflow = lazy(() => import("./Workflow"));

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
      <Suspense fallback={null}><Workflow task={task} attempts={attempts} attempt={attempt} pending={pending} /></Suspense>
      <Suspense fallback={null}><Ownership task={task} /></Suspense>
      {attempts.length > 1 ? <Suspense fallback={null}><AttemptList task={task} attempts={attempts} /></Suspense> : null}
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
      <h2><StateGlyph state="failed" label="" />{whyHeading(task)}<span className="mut">{task.attempt?.code ?? ""}</span></h2>
      <p className="pr" style={{ color: "var(--fg)" }}>{visible(task.error ?? "")}</p>
    </section>
  );
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
