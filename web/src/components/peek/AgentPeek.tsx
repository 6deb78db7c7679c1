import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { answer, api } from "@/api/client";
import { fleet, task as taskQuery } from "@/api/queries";
import type { FleetRow } from "@/api/types";
import { useWords } from "@/components/conversation/useWords";
import { Cost } from "@/components/Cost";
import { ContextMeter } from "@/components/ContextMeter";
import { StateChip, StateGlyph } from "@/components/StateGlyph";
import { ErrorState, Skeleton } from "@/components/States";
import { Elapsed, TimeAgo } from "@/components/TimeAgo";
import { compact, count, plural } from "@/lib/format";
import { seenAgent } from "@/lib/states";
import { visible } from "@/lib/visible";
import { verb } from "@/lib/verbs";
import { useOnline } from "@/live/live";
import { CancelTask } from "./CancelTask";
import { LastLines } from "./LastLines";

/** An agent at a glance: what it does now, its context, its last lines, what can be done. */
export default function AgentPeek({ id }: { id: string }) {
  // One that does several things at once has a row for each; `id@attempt` names one of them.
  const at = id.lastIndexOf("@att_");
  const agent = at > 0 ? id.slice(0, at) : id;
  const attempt = at > 0 ? id.slice(at + 1) : null;
  const found = useQuery(fleet);
  const rows = found.data?.rows.filter((row) => row.agent_id === agent) ?? [];
  const row = rows.find((one) => one.attempt_id === attempt) ?? rows[0];
  if (found.isError && !found.data) return <ErrorState what="The agent could not be loaded" error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Skeleton rows={8} height={32} />;
  if (!row) return <Gone id={agent} />;
  return <Row key={row.attempt_id ?? row.agent_id} row={row} others={rows.filter((one) => one !== row)} />;
}

function Gone({ id }: { id: string }) {
  const known = useQuery({ queryKey: ["agent", id], queryFn: () => answer(api.GET("/api/v1/agents/{agent_id}", { params: { path: { agent_id: id } } })), retry: false });
  if (known.isPending) return <Skeleton rows={4} height={32} />;
  if (!known.data) return <p className="state">There is no agent {id}. It may have been removed.</p>;
  return (
    <>
      <h2>{known.data.name}</h2>
      <p className="sub">It is not in the fleet now. Last active <TimeAgo at={known.data.last_active_at} />.</p>
    </>
  );
}

/** Lets its agent stand still, or go on. */
function Stand({ task, paused }: { task: string; paused: boolean }) {
  const words = useWords(task);
  const online = useOnline();
  return <button type="button" className="btn s" disabled={words.isPending || !online} onClick={() => words.mutate({ kind: paused ? "resume" : "pause" })}>{paused ? "Resume" : "Pause"}</button>;
}

function Row({ row, others }: { row: FleetRow; others: FleetRow[] }) {
  const { state, word } = seenAgent(row);
  const task = useQuery({ ...taskQuery(row.task_id ?? ""), enabled: row.task_id !== null }).data;
  return (
    <>
      <div className="hd2"><StateChip state={state} word={word} />{row.role ? <span className="chip">{row.role}</span> : null}<span className="mut">{row.task_id ? <Elapsed since={row.since} /> : <TimeAgo at={row.since} />}</span></div>
      <h2>{row.name}</h2>
      <div className="b">
        {row.approval_id ? <Link className="btn s p" to={`/inbox/${row.approval_id}`}>Decide</Link> : null}
        {row.task_id ? <Link className="btn s" to={`/tasks/${row.task_id}`}>Open task</Link> : null}
        {row.task_id ? <Link className="btn s" to={`/tasks/${row.task_id}/conversation`}>Conversation</Link> : null}
        <Link className="btn s" to={`/chat/${encodeURIComponent(row.agent_id)}${row.task_id ? `?task=${row.task_id}` : ""}`}>Message</Link>
        {task?.attempt?.id === row.attempt_id && task?.attempt?.run ? <Stand task={task.id} paused={row.state === "paused"} /> : null}
        {row.task_id ? <CancelTask task={row.task_id} label="Stop" consequence={`${row.name} stops now, and its task is cancelled. Changed files, output and conversation stay.`} /> : null}
      </div>
      <dl className="dl">
        {row.now ? <><dt>Now</dt><dd>{verb(row.now.verb)} <span className="mono">{visible(row.now.subject)}</span></dd></> : null}
        {row.task_id ? <><dt>Task</dt><dd><Link to={`/tasks/${row.task_id}`} className="link">{row.task}</Link></dd></> : <><dt>Task</dt><dd className="mut">none</dd></>}
        {row.context_used !== null ? <><dt>Context</dt><dd><div style={{ display: "inline-block" }}><ContextMeter used={row.context_used} total={row.context_window} /></div></dd></> : null}
        {row.task_id ? <><dt>Tokens</dt><dd className="num" title={count(row.tokens)}>{compact(row.tokens)}</dd><dt>Cost</dt><dd className="num"><Cost value={row.cost_usd} unpriced={row.unpriced_calls} /></dd></> : null}
        {row.program ? <><dt>Program</dt><dd>{row.program}{row.model ? `, ${row.model}` : ""}</dd></> : null}
        <dt>Machine</dt><dd>{row.machine ?? "elsewhere"}</dd>
        <dt>Id</dt><dd className="mono">{row.agent_id}</dd>
      </dl>
      {others.length > 0 ? (
        <section>
          <h3>Also {plural(others.length, "other task")}</h3>
          {others.slice(0, 12).map((one) => <Link key={one.attempt_id ?? one.agent_id} className="f" to={`/tasks/${one.task_id}`}><StateGlyph state={seenAgent(one).state} label={seenAgent(one).word} /><span className="cut">{one.task}</span></Link>)}
        </section>
      ) : null}
      {task?.attempt ? <section><h3>Last lines</h3><LastLines key={task.attempt.id} task={task.id} attempt={task.attempt} /></section> : null}
    </>
  );
}
