import { Link, useSearchParams } from "react-router";
import type { Approval, Attempt, Task } from "@/api/types";
import { AgentName } from "@/components/AgentName";
import { DecisionCard } from "@/components/decision/DecisionCard";
import { StateGlyph } from "@/components/StateGlyph";
import { Elapsed, TimeAgo } from "@/components/TimeAgo";
import { Cost as Amount, splitOf } from "@/components/Cost";
import { ContextMeter } from "@/components/ContextMeter";
import { compact, cost, duration, percent, shortPath } from "@/lib/format";
import { isWaiting, seenAttempt, WORDS } from "@/lib/states";
import { Branch } from "./merge";

interface FactsProps {
  task: Task;
  attempts: Attempt[];
  attempt: Attempt | null;
  pending: Approval[];
}

/** The rail: the decision if there is one, progress, cost, details. */
export function Facts({ task, attempts, attempt, pending }: FactsProps) {
  return (
    <aside className="facts" aria-label="Task facts">
      {pending.map((approval) => <div className="rs ask" key={approval.id}><DecisionCard approval={approval} level={2} /></div>)}
      <Progress task={task} attempt={attempt} />
      <Cost task={task} attempts={attempts} />
      <Branch task={task} attempt={attempt?.number} />
      <Details task={task} attempt={attempt} />
    </aside>
  );
}

function Progress({ task, attempt }: { task: Task; attempt: Attempt | null }) {
  const [search] = useSearchParams();
  // What ended before is not how far it is; one that was chosen is shown.
  if (!attempt || (isWaiting(task) && !search.has("attempt"))) {
    return (
      <section className="rs">
        <h2>Progress{isWaiting(task) ? <span>{WORDS.queued}</span> : null}</h2>
        <p className="sub" style={{ fontSize: 12.5 }}>{task.waiting ? task.waiting.message : "It has not been started."}</p>
        {attempt ? <p className="mut" style={{ fontSize: 12.5 }}>Attempt {attempt.number} {attempt.state} after <Elapsed since={attempt.claimed_at} until={attempt.finished_at} /></p> : null}
        {task.ready_at && task.state === "backoff" ? <p className="mut" style={{ fontSize: 12.5 }}>Next try <TimeAgo at={task.ready_at} /></p> : null}
      </section>
    );
  }
  const running = attempt.state === "running";
  const share = attempt.progress;
  return (
    <section className="rs">
      <h2>Progress{running ? <span>{share === null ? "No estimate yet" : ""}</span> : <span>{seenAttempt(attempt.state).word}</span>}</h2>
      <div className="bigm">
        {share !== null && running ? <>{percent(share)}<small><Elapsed since={attempt.claimed_at} /> so far</small></> : <><Elapsed since={attempt.claimed_at} until={attempt.finished_at} /><small>{running ? "so far" : "in all"}</small></>}
      </div>
      <div className="pb" aria-hidden="true">
        {share !== null || !running ? <i style={{ width: running ? `${(share ?? 0) * 100}%` : "100%", background: running ? "var(--st-running-fill)" : `var(--st-${attempt.state}-fill)` }} /> : null}
      </div>
      <p className="mut limit" style={{ fontSize: 11.5 }}>{running ? `Stopped when it is silent or runs for longer than ${duration(task.timeout_seconds)}` : null}</p>
    </section>
  );
}

function Cost({ task, attempts }: { task: Task; attempts: Attempt[] }) {
  const total = attempts.reduce((sum, attempt) => sum + spent(attempt), 0);
  const unpriced = attempts.reduce((sum, attempt) => sum + (attempt.run?.unpriced_calls ?? 0), 0);
  const estimate = task.estimated_cost_usd;
  const share = estimate > 0 ? total / estimate : null;
  return (
    <section className="rs">
      <h2>Cost<span>{estimate > 0 ? `estimate ${cost(estimate)}` : "no estimate"}</span></h2>
      <div className="bigm"><Amount value={total} unpriced={unpriced} /><small>{share !== null ? `${percent(share)} of estimate` : unpriced > 0 && total > 0 ? `plus ${unpriced} unpriced calls` : ""}</small></div>
      {share !== null ? <div className="pb" aria-hidden="true"><i style={{ width: `${Math.min(share, 1) * 100}%`, background: share > 1 ? "var(--st-failed-fill)" : "var(--fg)" }} /></div> : null}
      {attempts.length > 0 ? (
        <table className="au" aria-label="Cost by attempt" style={{ marginTop: 6 }}>
          <tbody>
            {attempts.map((attempt) => (
              <tr key={attempt.id}>
                <td><Link to={`?attempt=${attempt.number}`} className="ag" style={{ gap: 7 }}><StateGlyph {...glyph(attempt)} />{attempt.number}. <span className="mut cut">{attempt.run?.agent ?? <AgentName id={attempt.agent_id} />}</span></Link></td>
                <td title={splitOf(used(attempt))}>{compact(tokens(attempt))}</td>
                <td><Elapsed since={attempt.claimed_at} until={attempt.finished_at} /></td>
                <td style={{ color: "var(--fg)" }}><Amount value={spent(attempt)} unpriced={attempt.run?.unpriced_calls} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </section>
  );
}

function glyph(attempt: Attempt) {
  const { state, word } = seenAttempt(attempt.state);
  return { state, label: word };
}

function spent(attempt: Attempt): number {
  return attempt.state === "running" ? (attempt.run?.cost_usd ?? 0) : attempt.cost_usd;
}

function used(attempt: Attempt) {
  return attempt.run?.tokens ?? attempt;
}

function tokens(attempt: Attempt): number {
  const { input_tokens: input, output_tokens: output, cache_read_tokens: read, cache_write_tokens: write } = used(attempt);
  return input + output + read + write;
}

function Details({ task, attempt }: { task: Task; attempt: Attempt | null }) {
  const run = attempt?.run;
  const version = run?.role_version;
  const role = run?.role ?? (typeof task.payload.role === "string" ? task.payload.role : null);
  return (
    <section className="rs details">
      <h2>Details</h2>
      <dl className="dl">
        {task.working_dir ? <><dt>Directory</dt><dd className="mono" title={task.working_dir}>{shortPath(task.working_dir, 34)}</dd></> : null}
        <dt>Queue</dt><dd><Link to={`/tasks?queue=${encodeURIComponent(task.queue)}`}>{task.queue}</Link></dd>
        <dt>Project</dt><dd><Link to={`/projects/${task.project_id}`}>{task.project}</Link></dd>
        <dt>Type</dt><dd>{task.kind}, {task.type.replaceAll("_", " ")}</dd>
        <dt>Priority</dt><dd>{task.priority}</dd>
        {role ? <><dt>Role</dt><dd><Link to={`/agents/roles/${encodeURIComponent(role)}${version ? `?tab=versions&version=${version}` : ""}`}>{role}{version ? `, version ${version}` : ""}</Link></dd></> : null}
        {run ? <><dt>Agent</dt><dd>{run.agent}{run.model ? `, ${run.model}` : ""}</dd></> : null}
        {run?.context_used ? <><dt>Context</dt><dd><div style={{ display: "inline-block" }}><ContextMeter used={run.context_used} total={run.context_window} /></div></dd></> : null}
        {attempt ? <><dt>{attempt.state === "running" ? "Runs on" : "Ran on"}</dt><dd><AgentName id={attempt.worker_id ?? attempt.agent_id} /></dd></> : null}
        {attempt?.sandbox ? <><dt>Sandbox</dt><dd>{attempt.sandbox}{task.network ? ", with network" : ", no network"}</dd></> : null}
        {task.acceptance_command ? <><dt>Check</dt><dd className="mono">{task.acceptance_command}</dd></> : null}
        {task.tags.length > 0 ? <><dt>Tags</dt><dd>{task.tags.join(", ")}</dd></> : null}
        <dt>Id</dt><dd className="mono">{task.id}</dd>
      </dl>
    </section>
  );
}
