import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { ApiProblem } from "@/api/client";
import { task as taskQuery, taskApprovals, taskAttempts, taskFiles } from "@/api/queries";
import type { Attempt, Task, TaskFiles } from "@/api/types";
import { AgentName } from "@/components/AgentName";
import { Cost } from "@/components/Cost";
import { DecisionCard } from "@/components/decision/DecisionCard";
import { PlusMinus } from "@/components/PlusMinus";
import { StateChip, StateGlyph } from "@/components/StateGlyph";
import { ErrorState, Skeleton } from "@/components/States";
import { Elapsed, TimeAgo, Took } from "@/components/TimeAgo";
import { cost, plural, shortId, shortPath } from "@/lib/format";
import { isOpen, seenAttempt, seenTask, whyHeading } from "@/lib/states";
import { visible } from "@/lib/visible";
import { CancelTask, Requeue } from "./CancelTask";
import { LastLines } from "./LastLines";

const FILES = 8;

/** A task at a glance: state, steps, cost, changes, what can be done. */
export default function TaskPeek({ id }: { id: string }) {
  const found = useQuery(taskQuery(id));
  const attempts = useQuery({ ...taskAttempts(id), enabled: found.data !== undefined }).data?.items ?? [];
  const approvals = useQuery({ ...taskApprovals(id), enabled: found.data !== undefined }).data?.items ?? [];
  const files = useQuery({ ...taskFiles(id), enabled: found.data?.attempt != null }).data;
  if (found.isError && !found.data) {
    const missing = found.error instanceof ApiProblem && found.error.status === 404;
    return missing ? <p className="state">Nothing has the id {id}. It may have been removed.</p> : <ErrorState what="The task could not be loaded" error={found.error} retry={() => void found.refetch()} />;
  }
  if (!found.data) return <Skeleton rows={8} height={32} />;
  const task = found.data;
  const pending = approvals.filter((approval) => approval.state === "pending");
  const { state, word } = seenTask(task, pending.length > 0);
  const attempt = task.attempt;
  return (
    <>
      <div className="hd2">
        <StateChip state={state} word={word} />
        {attempt && attempt.number > 1 ? <span className="chip">Attempt {attempt.number} of {task.max_attempts}</span> : null}
        <span className="mono mut">{shortId(task.id)}</span>
        <span className="mut">queued <TimeAgo at={task.created_at} /></span>
      </div>
      <h2><Link to={`/tasks/${task.id}`}>{task.title}</Link></h2>
      <div className="b">
        <Link className="btn s" to={`/tasks/${task.id}`}>Open</Link>
        {(files?.produced.length ?? 0) > 0 ? <Link className="btn s" to={`/tasks/${task.id}/changes`}>Review diff</Link> : null}
        {isOpen(task) ? <CancelTask task={task.id} consequence={task.state === "running" ? "What runs for it stops now. Files, output and conversation stay." : "It will not be started. You can run it again later."} /> : <Requeue task={task.id} />}
      </div>
      {pending.map((approval) => <section key={approval.id} className="ask"><DecisionCard approval={approval} /></section>)}
      {task.waiting && isOpen(task) && task.state !== "running" ? <p className="sub">{task.waiting.message}</p> : null}
      {task.error ? <section><h3><StateGlyph state="failed" label="" /> {whyHeading(task)}</h3><p className="sub words">{visible(task.error)}</p></section> : null}
      <Figures task={task} attempts={attempts} />
      {attempts.length > 0 ? <Steps task={task} attempts={attempts} /> : null}
      {files && files.produced.length > 0 ? <Changes task={task} files={files} /> : null}
      {attempt ? <section><h3>Last lines</h3><LastLines key={attempt.id} task={task.id} attempt={attempt} /></section> : null}
    </>
  );
}

function Figures({ task, attempts }: { task: Task; attempts: Attempt[] }) {
  const spent = attempts.reduce((sum, one) => sum + (one.state === "running" ? (one.run?.cost_usd ?? 0) : one.cost_usd), 0);
  const unpriced = attempts.reduce((sum, one) => sum + (one.run?.unpriced_calls ?? 0), 0);
  return (
    <dl className="dl">
      <dt>Cost</dt><dd className="num"><Cost value={spent} unpriced={unpriced} />{task.estimated_cost_usd > 0 ? <span className="mut"> of {cost(task.estimated_cost_usd)} estimated</span> : null}</dd>
      <dt>Duration</dt><dd className="num"><Took task={task} none={task.attempts > 0 ? "waits for another attempt" : "not started"} /></dd>
      <dt>Queue</dt><dd>{task.queue}</dd>
      <dt>Project</dt><dd>{task.project}</dd>
      {task.agent_id ? <><dt>Agent</dt><dd>{task.attempt?.run?.agent ?? <AgentName id={task.agent_id} />}</dd></> : null}
      {task.working_dir ? <><dt>Directory</dt><dd className="mono" title={task.working_dir}>{shortPath(task.working_dir, 40)}</dd></> : null}
    </dl>
  );
}

function Steps({ task, attempts }: { task: Task; attempts: Attempt[] }) {
  return (
    <section>
      <h3>Steps <span className="mut">{plural(attempts.length, "attempt")}</span></h3>
      <table className="au" aria-label="Attempts">
        <tbody>
          {attempts.map((one) => {
            const { state, word } = seenAttempt(one.state);
            return (
              <tr key={one.id}>
                <td><Link className="ag" to={`/tasks/${task.id}?attempt=${one.number}`}><StateGlyph state={state} label={word} />{one.number}. <span className="mut cut">{one.run?.agent ?? <AgentName id={one.agent_id} />}</span></Link></td>
                <td><Elapsed since={one.claimed_at} until={one.finished_at} /></td>
                <td><Cost value={one.state === "running" ? (one.run?.cost_usd ?? 0) : one.cost_usd} unpriced={one.run?.unpriced_calls} /></td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function Changes({ task, files }: { task: Task; files: TaskFiles }) {
  return (
    <section>
      <h3>Changes <span className="mut">{plural(files.produced.length, "file")}</span> <PlusMinus loose plus={files.totals.additions} minus={files.totals.deletions} /></h3>
      {files.produced.slice(0, FILES).map((file) => (
        <Link className="f" key={file.path} title={file.path} to={`/tasks/${task.id}/changes?file=${encodeURIComponent(file.path)}`}>
          <span className="path">{visible(shortPath(file.path, 42))}</span><PlusMinus plus={file.additions} minus={file.deletions} />
        </Link>
      ))}
      {files.produced.length > FILES ? <Link className="f" to={`/tasks/${task.id}/changes`}>and {files.produced.length - FILES} more</Link> : null}
    </section>
  );
}
