import { useQuery } from "@tanstack/react-query";
import { MessageSquare } from "lucide-react";
import { lazy, Suspense } from "react";
import { Link, NavLink, useParams, useSearchParams } from "react-router";
import { ApiProblem } from "@/api/client";
import { fleet, task as taskQuery, taskAttempts, taskFiles } from "@/api/queries";
import type { Agent, Attempt, FleetRow, Task, TaskRow } from "@/api/types";
import { Cost, splitOf } from "@/components/Cost";
import { ContextMeter } from "@/components/ContextMeter";
import { PauseButton } from "@/components/conversation/PauseButton";
import { FilesView } from "@/components/FilesView";
import { Now } from "@/components/Now";
import { PageHeading, usePageTitle } from "@/components/Page";
import { StateChip } from "@/components/StateGlyph";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { Elapsed, TimeAgo } from "@/components/TimeAgo";
import { compact, count, percent } from "@/lib/format";
import { agent as agentQuery, tasksOf } from "./queries";
import { seenOf, successOf } from "./rows";
import { Settings } from "./Settings";
import { StopButton } from "./StopButton";
import { Usage } from "./Usage";

const Conversation = lazy(() => import("@/components/conversation/Conversation"));
const LogFiles = lazy(() => import("@/components/logs/LogFiles"));
const NOBODY: FleetRow[] = [];

export function Component() {
  const { id = "", tab = "conversation" } = useParams();
  const found = useQuery(agentQuery(id));
  const rows = useQuery(fleet).data?.rows ?? NOBODY;
  usePageTitle(found.data?.name ?? "Agent");
  if (found.isError && !found.data) {
    const missing = found.error instanceof ApiProblem && found.error.status === 404;
    return missing ? (
      <EmptyState page title="There is no such agent" action={<Link className="btn p" to="/agents">All agents</Link>}>Nobody has the id {id}. It may have been taken off the list; its next call registers it anew.</EmptyState>
    ) : <ErrorState page what="The agent could not be loaded" error={found.error} retry={() => void found.refetch()} />;
  }
  if (!found.data) return <div style={{ padding: 20 }}><Skeleton rows={10} height={40} /></div>;
  return <AgentPage key={id} agent={found.data} works={rows.filter((row) => row.agent_id === id)} tab={tab} />;
}

/** Which of its tasks is shown: the one asked for, one that runs, else the last one that an agent of muster worked on. */
function chosenOf(wanted: string | null, works: FleetRow[], tasks: TaskRow[]): string | null {
  if (wanted) return wanted;
  const running = works.find((row) => row.task_id !== null)?.task_id;
  return running ?? (tasks.find((task) => task.kind === "prompt" || task.kind === "llm") ?? tasks[0])?.id ?? null;
}

function AgentPage({ agent, works, tab }: { agent: Agent; works: FleetRow[]; tab: string }) {
  const [search, setSearch] = useSearchParams();
  const recent = useQuery(tasksOf(agent.id));
  const tasks = recent.data?.items ?? [];
  const shown = recent.data ? chosenOf(search.get("task"), works, tasks) : null;
  const work = works.find((row) => row.task_id === shown);
  const task = useQuery({ ...taskQuery(shown ?? ""), enabled: shown !== null });
  const attempts = useQuery({ ...taskAttempts(shown ?? ""), enabled: shown !== null }).data?.items;
  // Of a task that others worked on too, its own last attempt.
  const attempt = attempts?.filter((one) => one.agent_id === agent.id).at(-1) ?? null;
  const seen = seenOf(agent, works);
  const pick = (id: string) => setSearch((before) => { const after = new URLSearchParams(before); after.set("task", id); after.delete("find"); return after; });
  const aboutTask = ["conversation", "logs", "files"].includes(tab);
  return (
    <div className="agp">
      <div className="hd">
        <div className="meta">
          <StateChip state={seen.state} word={seen.word} />
          {agent.id !== agent.name ? <span className="mono">{agent.id}</span> : null}
          {agent.model ? <span>{agent.model}</span> : null}
          {works[0] ? <><span className="mut">·</span><span>{works[0].machine ?? "elsewhere"}</span></> : null}
          <span className="mut">·</span><span>last seen <TimeAgo at={agent.last_active_at} /></span>
        </div>
        <div className="ttl">
          <PageHeading>{agent.name}</PageHeading>
          <div className="acts">
            <Link className="btn" to={`/chat/${encodeURIComponent(agent.id)}${search.get("task") ? `?task=${search.get("task")}` : ""}`}><MessageSquare size={14} />Message</Link>
            {task.data?.attempt ? <PauseButton task={task.data.id} attempt={task.data.attempt} /> : null}
            {task.data?.state === "running" ? <StopButton task={task.data} /> : null}
          </div>
        </div>
        <Strip agent={agent} work={work} attempt={attempt} />
      </div>
      <Tabs id={agent.id} attempt={attempt} search={search} />
      <div className="body">
        {aboutTask && tasks.length > 0 ? (
          <label style={{ display: "flex", gap: 8, alignItems: "center", fontSize: 12.5 }}>
            <span className="mut">Task</span>
            <select className="inp runs" value={shown ?? ""} onChange={(event) => pick(event.target.value)}>
              {shown && !tasks.some((one) => one.id === shown) ? <option value={shown}>{task.data?.title ?? shown}</option> : null}
              {tasks.map((one) => <option key={one.id} value={one.id}>{one.title} ({one.state})</option>)}
            </select>
            {shown ? <Link className="btn s" to={`/tasks/${shown}`}>Open task</Link> : null}
          </label>
        ) : null}
        {tab === "usage" ? <Usage agent={agent} /> : tab === "settings" ? <Settings agent={agent} />
          : !aboutTask ? <EmptyState title="There is no such tab" action={<Link className="btn p" to={`/agents/${encodeURIComponent(agent.id)}`}>Conversation</Link>} />
          : recent.isError && !recent.data ? <ErrorState what="Its tasks could not be loaded" error={recent.error} retry={() => void recent.refetch()} />
          : recent.data && shown === null ? <EmptyState title="It has not worked on anything yet" action={<Link className="btn p" to={`/chat/${encodeURIComponent(agent.id)}`}>Give it something to do</Link>}>What it says and does, its logs and its files are shown here, task by task.</EmptyState>
          : task.isError && !task.data ? <ErrorState what="The task could not be loaded" error={task.error} retry={() => void task.refetch()} />
          : !task.data || !attempts ? <Skeleton rows={8} height={40} />
          : <Part tab={tab} task={task.data} attempt={attempt} />}
      </div>
    </div>
  );
}

function Part({ tab, task, attempt }: { tab: string; task: Task; attempt: Attempt | null }) {
  const files = useQuery({ ...taskFiles(task.id, attempt?.number), enabled: tab === "files" && attempt !== null }).data;
  return (
    <Suspense fallback={<Skeleton rows={8} height={40} />}>
      {tab === "files" ? <FilesView task={task} attempt={attempt} files={files} /> : tab === "logs" ? <LogFiles key={task.id} task={task} attempt={attempt} /> : <Conversation task={task} attempt={attempt} above={342} />}
    </Suspense>
  );
}

/** Figures of the task that is shown, and of the agent. */
function Strip({ agent, work, attempt }: { agent: Agent; work: FleetRow | undefined; attempt: Attempt | null }) {
  const base = `/agents/${encodeURIComponent(agent.id)}`;
  const { record } = agent;
  const success = successOf(agent);
  const run = attempt?.run;
  const used = run ? run.tokens.input_tokens + run.tokens.output_tokens + run.tokens.cache_read_tokens + run.tokens.cache_write_tokens : 0;
  return (
    <div className="strip">
      {work ? <Now now={work.now} /> : null}
      {run ? <span>{run.agent}{run.model ? `, ${run.model}` : ""}</span> : null}
      {run?.context_used ? <span>context <ContextMeter used={run.context_used} total={run.context_window} /></span> : null}
      {run && used > 0 ? <span><b title={splitOf(run.tokens)}>{compact(used)}</b> tokens</span> : null}
      {run && (run.calls > 0 || attempt.cost_usd > 0) ? <span><b><Cost value={attempt.state === "running" ? run.cost_usd : attempt.cost_usd} unpriced={run.unpriced_calls} /></b></span> : null}
      {attempt ? <span><b><Elapsed since={attempt.claimed_at} until={attempt.finished_at} /></b></span> : null}
      {record && record.tasks > 0 ? (
        <>
          <Link to={`/tasks?agent=${encodeURIComponent(agent.id)}`}>in all <b>{count(record.tasks)}{record.tasks >= 1_000 ? "+" : ""}</b> {record.tasks === 1 ? "task" : "tasks"}</Link>
          {success !== null ? <span title={`${record.succeeded} of ${record.succeeded + record.failed} of its newest tasks`}><b>{percent(success)}</b> succeeded</span> : null}
          <Link to={`${base}/usage`}><b><Cost value={record.cost_usd} /></b> spent</Link>
        </>
      ) : null}
    </div>
  );
}

function Tabs({ id, attempt, search }: { id: string; attempt: Attempt | null; search: URLSearchParams }) {
  const base = `/agents/${encodeURIComponent(id)}`;
  const task = search.get("task");
  const kept = task ? `?task=${task}` : "";
  const tabs: [string, string, number][] = [["conversation", "Conversation", attempt?.run?.entries ?? 0], ["logs", "Logs", 0], ["files", "Files", 0], ["usage", "Usage", 0], ["settings", "Settings", 0]];
  return (
    <nav className="tabs" aria-label="Agent">
      {tabs.map(([path, label, amount], index) => <NavLink key={path} to={`${index === 0 ? base : `${base}/${path}`}${kept}`} end>{label}{amount > 0 ? <i>{count(amount)}</i> : null}</NavLink>)}
    </nav>
  );
}
