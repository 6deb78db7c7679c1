import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Plus, Search } from "lucide-react";
import { lazy, Suspense, useEffect } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { answer, api } from "@/api/client";
import { overview, type TaskFilter, useAsked } from "@/api/queries";
import type { TaskState } from "@/api/types";
import { useAgentName } from "@/components/AgentName";
import { PageHeading, usePageTitle } from "@/components/Page";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { plural, shortId } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { useRows } from "@/lib/usePeek";
import { ViewSwitch } from "./ViewSwitch";

// The board does without them.
const table = () => import("./TaskTable");
const TaskTable = lazy(table);
const ReviewTable = lazy(() => import("./ReviewTable"));
const SavedViews = lazy(() => import("@/components/SavedViews").then((part) => ({ default: part.SavedViews })));
const VIEWS: [string, string, TaskState[]][] = [
  ["", "All", []],
  ["open", "Open", ["blocked", "backoff", "ready", "running"]],
  ["running", "Running", ["running"]],
  ["queued", "Queued", ["blocked", "backoff", "ready"]],
  ["review", "To review", []],
  ["succeeded", "Succeeded", ["succeeded"]],
  ["failed", "Failed", ["failed"]],
  ["cancelled", "Cancelled", ["cancelled"]],
];
const PAGE = 100;

export function Component() {
  const go = useNavigate();
  const [search, setSearch] = useSearchParams();
  const state = search.get("state") ?? "";
  const words = search.get("q") ?? "";
  const queue = search.get("queue") ?? undefined;
  const agent = search.get("agent") ?? undefined;
  const behind = search.get("depends_on") ?? undefined;
  const stuck = search.has("stuck");
  const archived = state === "archived";
  const name = useAgentName();
  const asked = useAsked();
  const figures = useQuery(overview).data;
  const filter: TaskFilter = { state: VIEWS.find(([key]) => key === state)?.[2], review: state === "review" ? ["pending", "unseen"] : undefined, q: words.trim() || undefined, queue, agent, archived, depends_on: behind, stuck: stuck || undefined, limit: PAGE };
  const list = useInfiniteQuery({
    queryKey: ["tasks", "pages", filter],
    queryFn: ({ pageParam }) => answer(api.GET("/api/v1/tasks", { params: { query: { ...filter, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (before) => before,
  });
  usePageTitle("Tasks");
  // On its way while the tasks are.
  useEffect(() => void table(), []);
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const set = (name: string, value: string | null) => setSearch((before) => {
    const after = new URLSearchParams(before);
    if (value) after.set(name, value); else after.delete(name);
    return after;
  }, { replace: name === "q", flushSync: name === "q" });
  const moving = useRows({ rows, keyOf: (row) => row.id, peekOf: (row) => `task:${row.id}`, onOpen: (row) => void go(`/tasks/${row.id}`) });
  useKeys({ "/": () => document.querySelector<HTMLElement>("#task-search")?.focus() });
  const filtered = state !== "" || words !== "" || queue !== undefined || agent !== undefined || behind !== undefined || stuck;
  const Table = state === "review" ? ReviewTable : TaskTable;
  const clear = <button type="button" className="btn" onClick={() => setSearch({})}>Clear the filters</button>;
  return (
    <>
      <div className="ph">
        <div>
          <PageHeading>{figures ? `${plural(figures.open, "task")} open` : "Tasks"}</PageHeading>
          <p>{figures ? `${plural(figures.tasks.running ?? 0, "task")} running, ${plural(figures.problems, "task")} failed for good.` : "\u00a0"}</p>
        </div>
        <div className="r"><ViewSwitch /><Link className="btn p" to="/tasks/new"><Plus size={13} />New task</Link></div>
      </div>
      <Suspense fallback={<div style={{ height: 36 }} />}><SavedViews list="tasks" all="All tasks" /></Suspense>
      <div className="fbar">
        <div style={{ position: "relative", display: "flex", alignItems: "center" }}>
          <Search size={13} style={{ position: "absolute", left: 9, color: "var(--fg-3)" }} aria-hidden="true" />
          <input id="task-search" className="inp" style={{ paddingLeft: 28 }} type="search" placeholder="Words of tasks" aria-label="Search tasks" value={words} onChange={(event) => set("q", event.target.value)} />
        </div>
        <div className="seg" role="group" aria-label="State" style={{ overflowX: "auto", maxWidth: "100%" }}>
          {[...VIEWS.map(([key, label]) => [key, label] as const), ["archived", "Archived"] as const].map(([key, label]) => (
            <button key={key} type="button" aria-pressed={state === key} onClick={() => set("state", key || null)}>{label}</button>
          ))}
        </div>
        {agent ? <button type="button" className="chip" onClick={() => set("agent", null)} aria-label={`Agent is ${name(agent)}; remove`}>Agent is {name(agent)} ×</button> : null}
        {behind ? <button type="button" className="chip" onClick={() => set("depends_on", null)} aria-label={`Waits for ${behind}; remove`}>Waits for <span className="mono">{shortId(behind)}</span> ×</button> : null}
        {stuck ? <button type="button" className="chip" onClick={() => set("stuck", null)} aria-label="Waits for what will not be done; remove">Waits for what will not be done ×</button> : null}
        {queue ? <button type="button" className="chip" onClick={() => set("queue", null)} aria-label={`Queue is ${queue}; remove`}>Queue is {queue} ×</button> : null}
      </div>
      {list.isError && !list.data ? <ErrorState what="The tasks could not be loaded" error={list.error} retry={() => void list.refetch()} action={filtered ? clear : undefined} />
        : !list.data ? <div className="tblw card"><Skeleton rows={10} /></div>
        : rows.length === 0 ? (
          state === "review" && search.size === 1 ? <EmptyState title="Nothing to look at" action={clear}>Work that an agent finished on a branch of its own appears here until it is merged, decided on or set aside. <Link to="/queues" className="underline">A queue</Link> can also hold up what follows until a person approved.</EmptyState>
            : filtered ? <EmptyState title="No tasks match" action={clear}>{[words && `Words: ${words}`, state && `State: ${state}`, queue && `Queue: ${queue}`, agent && `Agent: ${name(agent)}`, behind && `Waits for: ${shortId(behind)}`, stuck && "Waits for what will not be done"].filter(Boolean).join(" · ")}</EmptyState>
            : <EmptyState title="No tasks yet" action={<Link className="btn p" to="/tasks/new">New task</Link>}>A task is one piece of work with a prompt and a directory. Queue one and come back later.</EmptyState>
        ) : (
          <div style={list.isPlaceholderData ? { opacity: 0.6 } : undefined}>
            <Suspense fallback={<div className="tblw card"><Skeleton rows={10} /></div>}><Table rows={rows} asked={asked} {...moving} /></Suspense>
            {list.hasNextPage ? <p className="note" style={{ paddingBottom: 18 }}><button type="button" className="btn" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more</button></p> : null}
          </div>
        )}
    </>
  );
}
