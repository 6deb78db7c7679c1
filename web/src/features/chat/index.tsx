import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { lazy, Suspense, useEffect } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { fleet, task as taskQuery, useAsked } from "@/api/queries";
import type { Agent, FleetRow } from "@/api/types";
import { usePageTitle } from "@/components/Page";
import { StateGlyph } from "@/components/StateGlyph";
import { ErrorState, Skeleton } from "@/components/States";
import { cx } from "@/lib/cx";
import { ORDER, type Seen, seenAgent, seenTask } from "@/lib/states";
import { agents as agentsQuery, assignedTo, lastOf, recent } from "./queries";
import { Start } from "./Start";

// What agents say is rendered by a parser that the first words do not need.
const Thread = lazy(() => import("./Thread"));

const NOBODY: FleetRow[] = [];

export function Component() {
  const { agent = null } = useParams();
  const [search] = useSearchParams();
  const go = useNavigate();
  const task = search.get("task");
  const all = useQuery(agentsQuery);
  const rows = useQuery(fleet).data?.rows ?? NOBODY;
  const known = all.data?.items.find((one) => one.id === agent);
  const name = known?.name ?? agent;
  usePageTitle(name ? `Chat with ${name}` : "Chat");
  // Whose conversation a task is turns out when somebody has taken it up.
  const owner = useQuery({ ...taskQuery(task ?? ""), enabled: task !== null && agent === null }).data?.agent_id;
  useEffect(() => {
    if (task && agent === null && owner) void go(`/chat/${encodeURIComponent(owner)}?task=${task}`, { replace: true });
  }, [task, agent, owner, go]);
  const picked = agent !== null || task !== null || search.has("new");
  return (
    <div className={cx("chat", picked && "picked")}>
      <List agents={all.data?.items} rows={rows} agent={agent} task={task} error={all.isError && !all.data ? all.error : null} retry={() => void all.refetch()} />
      <div className="chat-main">
        {picked ? <Link className="btn s only-small" style={{ alignSelf: "flex-start" }} to="/chat">All conversations</Link> : null}
        <Suspense fallback={<Skeleton rows={8} height={40} />}>
        {task ? <Thread key={task} id={task} name={name} /> : agent && !search.has("new") ? <Last key={agent} agent={agent} name={name} rows={rows} /> : <Start key={agent ?? ""} agent={agent} name={name} />}
        </Suspense>
      </div>
    </div>
  );
}

/** The conversation with an agent: what it works on, else what it worked on last, else the first words. */
function Last({ agent, name, rows }: { agent: string; name: string | null; rows: FleetRow[] }) {
  const last = useQuery(lastOf(agent));
  const waiting = useQuery(assignedTo(agent));
  if (last.isError && !last.data) return <ErrorState page what="Its conversations could not be loaded" error={last.error} retry={() => void last.refetch()} />;
  if (!last.data || waiting.isPending) return <Skeleton rows={8} height={40} />;
  const running = rows.find((row) => row.agent_id === agent && row.task_id !== null && last.data.items.some((task) => task.id === row.task_id && (task.kind === "prompt" || task.kind === "llm")))?.task_id;
  const id = running ?? waiting.data ?? last.data.items.find((task) => task.kind === "prompt" || task.kind === "llm")?.id;
  return id ? <Thread key={id} id={id} name={name} /> : <Start agent={agent} name={name} />;
}

interface ListProps {
  agents: Agent[] | undefined;
  rows: FleetRow[];
  agent: string | null;
  task: string | null;
  error: unknown;
  retry: () => void;
}

function seenOf(agent: Agent, rows: FleetRow[]): Seen {
  const own = rows.filter((row) => row.agent_id === agent.id).map(seenAgent).sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
  return own[0] ?? (agent.status === "offline" ? { state: "cancelled", word: "Offline" } : { state: "idle", word: "Idle" });
}

function List({ agents, rows, agent, task, error, retry }: ListProps) {
  const talks = useQuery(recent).data?.items ?? [];
  const asked = useAsked();
  return (
    <nav className="chat-list" aria-label="Conversations">
      <Link className="btn" to={agent ? `/chat/${encodeURIComponent(agent)}?new=yes` : "/chat?new=yes"} style={{ display: "flex" }}><Plus size={13} />New conversation</Link>
      <h2>Agents</h2>
      {error ? <ErrorState what="The agents could not be loaded" error={error} retry={retry} /> : !agents ? <Skeleton rows={4} /> : agents.length === 0 ? <p className="mut" style={{ padding: "2px 8px", fontSize: 12 }}>None has called yet.</p> : agents.map((one) => ({ one, seen: seenOf(one, rows) })).sort((a, b) => ORDER.indexOf(a.seen.state) - ORDER.indexOf(b.seen.state)).map(({ one, seen }) => {
        const busy = rows.find((row) => row.agent_id === one.id && row.task_id !== null);
        return (
          <Link key={one.id} to={`/chat/${encodeURIComponent(one.id)}`} aria-current={one.id === agent && !task ? "page" : undefined}>
            <StateGlyph state={seen.state} size={12} label={seen.word} /><span className="cut">{one.name}</span>
            <span className="m2 cut">{busy ? busy.task : one.model || seen.word}</span>
          </Link>
        );
      })}
      {talks.length > 0 ? <h2>Recent</h2> : null}
      {talks.map((talk) => {
        const { state, word } = seenTask(talk, asked.has(talk.id));
        const who = talk.agent_id ?? talk.assigned_to;
        return (
          <Link key={talk.id} to={`${who ? `/chat/${encodeURIComponent(who)}` : "/chat"}?task=${talk.id}`} aria-current={talk.id === task ? "page" : undefined}>
            <StateGlyph state={state} size={12} label={word} /><span className="cut">{talk.title}</span>
          </Link>
        );
      })}
    </nav>
  );
}
