import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Ellipsis, Pause, Play } from "lucide-react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { answer, api, ApiProblem } from "@/api/client";
import { useAsked } from "@/api/queries";
import type { Queue } from "@/api/types";
import { Menu } from "@/components/Menu";
import { StateChip } from "@/components/StateGlyph";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { TaskRows } from "@/components/TaskRows";
import { useAct } from "@/components/useAct";
import { count, plural } from "@/lib/format";
import { useOnline } from "@/live/live";
import { Instructions } from "./Instructions";
import { Line } from "./Line";
import { endedOf, MODES, queue as queueQuery, waitingIn } from "./queries";
import { Rules } from "./Rules";

/** One queue: its rules, and its tasks in order. */
export function QueuePage({ id }: { id: string }) {
  const found = useQuery(queueQuery(id));
  const [search] = useSearchParams();
  const tab = search.get("tab") ?? "tasks";
  if (found.isError && !found.data) {
    const missing = found.error instanceof ApiProblem && found.error.status === 404;
    return missing
      ? <EmptyState title="There is no such queue" action={<Link className="btn p" to="/queues">All queues</Link>}>Nothing is called {id}. It may have been removed.</EmptyState>
      : <ErrorState what="The queue could not be loaded" error={found.error} retry={() => void found.refetch()} />;
  }
  if (!found.data) return <Skeleton rows={8} />;
  const queue = found.data;
  return (
    <section aria-label={`Queue ${queue.name}`} className="card pl-card">
      <p className="only-small"><Link to="/queues" className="btn s">All queues</Link></p>
      <Head queue={queue} />
      <Rules key={queue.id} queue={queue} />
      <Tabs queue={queue} tab={tab} />
      {tab === "instructions" ? <Instructions key={queue.id} queue={queue} />
        : tab === "history" ? <History queue={queue} />
        : <Line queue={queue} />}
    </section>
  );
}

function Head({ queue }: { queue: Queue }) {
  const go = useNavigate();
  const online = useOnline();
  const path = { params: { path: { queue: queue.id } } };
  const pause = useAct(() => answer(api.POST("/api/v1/queues/{queue}/pause", path)), { failed: "Not paused", said: "Paused: it hands out nothing. What runs goes on." });
  const resume = useAct(() => answer(api.POST("/api/v1/queues/{queue}/resume", path)), { failed: "Not resumed", said: "Resumed" });
  const archive = useAct(() => answer(api.POST("/api/v1/queues/{queue}/archive", path)), { failed: "Not archived", said: "Archived: it takes and hands out nothing" });
  const unarchive = useAct(() => answer(api.POST("/api/v1/queues/{queue}/unarchive", path)), { failed: "Not brought back", said: "The queue is back" });
  const remove = useAct(() => answer(api.DELETE("/api/v1/queues/{queue}", path)), { failed: "Not removed", said: "Removed", then: () => void go("/queues") });
  const archived = queue.status === "archived";
  const total = Object.values(queue.stats).reduce((sum, amount) => sum + amount, 0);
  const worker = MODES.find(([mode]) => mode === queue.mode)?.[2];
  return (
    <div className="pl-head">
      <div>
        <h2>{queue.name}{archived ? <StateChip state="archived" /> : queue.paused ? <StateChip state="paused" /> : null}</h2>
        <p className="sub">{plural(waitingIn(queue), "task")} waiting, {count(queue.stats.running ?? 0)} running, {worker}.{queue.agent_id ? ` It is ${queue.agent_id}'s own queue.` : ""}</p>
      </div>
      <div className="acts">
        {archived ? <button type="button" className="btn" disabled={!online || unarchive.isPending} onClick={() => unarchive.mutate()}>Bring back</button>
          : queue.paused ? <button type="button" className="btn p" disabled={!online || resume.isPending} onClick={() => resume.mutate()}><Play size={13} />Resume</button>
          : <button type="button" className="btn" disabled={!online || pause.isPending} onClick={() => pause.mutate()}><Pause size={13} />Pause</button>}
        <Menu
          trigger={<button type="button" className="btn" aria-label="More" disabled={!online}><Ellipsis size={14} /></button>}
          items={[
            { label: "New task in this queue", run: () => void go(`/tasks/new?queue=${encodeURIComponent(queue.name)}`), disabled: archived },
            null,
            archived ? { label: "Bring back", run: () => unarchive.mutate() } : { label: "Archive", run: () => archive.mutate() },
            { label: total > 0 ? "Remove (only an empty queue)" : "Remove", run: () => remove.mutate(), danger: true, disabled: total > 0 },
          ]}
        />
      </div>
    </div>
  );
}

function Tabs({ queue, tab }: { queue: Queue; tab: string }) {
  const [search, setSearch] = useSearchParams();
  const ended = (queue.stats.succeeded ?? 0) + (queue.stats.failed ?? 0) + (queue.stats.cancelled ?? 0);
  const show = (next: string) => {
    const after = new URLSearchParams(search);
    if (next === "tasks") after.delete("tab"); else after.set("tab", next);
    setSearch(after);
  };
  const tabs: [string, string, number][] = [["tasks", "Tasks", waitingIn(queue) + (queue.stats.running ?? 0)], ["instructions", "Instructions", 0], ["history", "History", ended]];
  return (
    <div className="tabs" role="group" aria-label="Queue">
      {tabs.map(([key, label, amount]) => (
        <button key={key} type="button" aria-pressed={tab === key} onClick={() => show(key)}>{label}{amount > 0 ? <i>{count(amount)}</i> : null}</button>
      ))}
    </div>
  );
}

function History({ queue }: { queue: Queue }) {
  const asked = useAsked();
  const list = useInfiniteQuery(endedOf(queue.id));
  if (list.isError && !list.data) return <ErrorState what="The history could not be loaded" error={list.error} retry={() => void list.refetch()} />;
  if (!list.data) return <Skeleton rows={6} />;
  const rows = list.data.pages.flatMap((page) => page.items);
  if (rows.length === 0) return <EmptyState title="Nothing has finished here yet" />;
  return (
    <>
      <TaskRows rows={rows} asked={asked} label="Finished tasks" queue={false} />
      {list.hasNextPage ? <p className="note"><button type="button" className="btn" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more</button></p> : null}
    </>
  );
}
