import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Plus, Search } from "lucide-react";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { answer, api } from "@/api/client";
import { overview, projects, type TaskFilter, useAsked } from "@/api/queries";
import type { TaskState } from "@/api/types";
import { useAgentName } from "@/components/AgentName";
import { PageHeading, usePageTitle } from "@/components/Page";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { plural, shortId } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import type { Picked } from "@/lib/picking";
import { useRows } from "@/lib/usePeek";
import { RANGES, sinceOf } from "./range";
import { ViewSwitch } from "./ViewSwitch";

// The board does without them.
const table = () => import("./TaskTable");
const TaskTable = lazy(table);
const Hands = lazy(() => import("./Hands"));
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
/** Where a figure of the fleet leads; it has no button. */
const FINISHED: [string, string, TaskState[]] = ["finished", "Finished", ["succeeded", "failed"]];
/** Of these a time is when they ended, else when they were queued. */
const ENDED = new Set(["finished", "succeeded", "failed", "cancelled", "review", "archived"]);
const NOTHING: Picked = { keys: new Set(), from: null };
const PAGE = 100;

type Chip = [name: string, words: string];

/** Filters that are on, each to be taken off by itself. */
function Chips({ chips, onRemove }: { chips: Chip[]; onRemove: (name: string) => void }) {
  return chips.map(([name, words]) => <button key={name} type="button" className="chip" onClick={() => onRemove(name)} aria-label={`${words}; remove`}>{words} ×</button>);
}

export function Component() {
  const go = useNavigate();
  const [search, setSearch] = useSearchParams();
  const state = search.get("state") ?? "";
  const words = search.get("q") ?? "";
  const queue = search.get("queue") ?? undefined;
  const agent = search.get("agent") ?? undefined;
  const behind = search.get("depends_on") ?? undefined;
  const stuck = search.has("stuck");
  const project = search.get("project") ?? undefined;
  const since = sinceOf(search.get("from"), new Date());
  const archived = state === "archived";
  const box = useRef<HTMLDivElement>(null);
  const [picked, setPicked] = useState<Picked>(NOTHING);
  const name = useAgentName();
  const asked = useAsked();
  const figures = useQuery(overview).data;
  const ends = ENDED.has(state);
  const filter: TaskFilter = { state: [...VIEWS, FINISHED].find(([key]) => key === state)?.[2], review: state === "review" ? ["pending", "unseen"] : undefined, q: words.trim() || undefined, queue, project, agent, archived, [ends ? "ended_after" : "created_after"]: since?.at, depends_on: behind, stuck: stuck || undefined, limit: PAGE };
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
  const projectName = useQuery({ ...projects, enabled: project !== undefined }).data?.items.find((one) => one.id === project)?.name ?? project;
  const chips: Chip[] = [
    ...(words ? [["q", `Words are “${words}”`] as Chip] : []),
    ...(state ? [["state", `State is ${[...VIEWS, FINISHED].find(([key]) => key === state)?.[1] ?? state}`] as Chip] : []),
    ...(since ? [["from", `${ends ? "Ended" : "Queued"} ${since.words}`] as Chip] : []),
    ...(agent ? [["agent", `Agent is ${name(agent)}`] as Chip] : []),
    ...(behind ? [["depends_on", `Waits for ${shortId(behind)}`] as Chip] : []),
    ...(stuck ? [["stuck", "Waits for what will not be done"] as Chip] : []),
    ...(project ? [["project", `Project is ${projectName}`] as Chip] : []),
    ...(queue ? [["queue", `Queue is ${queue}`] as Chip] : []),
  ];
  const filtered = chips.length > 0;
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
        <select className="inp" style={{ width: 150 }} aria-label={ends ? "Ended" : "Queued"} value={search.get("from") ?? ""} onChange={(event) => set("from", event.target.value || null)}>
          {RANGES.map(([key, label]) => <option key={key} value={key}>{key === "" ? label : `${ends ? "Ended" : "Queued"} ${label}`}</option>)}
          {since && !RANGES.some(([key]) => key === search.get("from")) ? <option value={search.get("from")!}>{`${ends ? "Ended" : "Queued"} ${since.words}`}</option> : null}
        </select>
        <Chips chips={chips.filter(([name]) => !["q", "from"].includes(name) && (name !== "state" || state === "finished"))} onRemove={(name) => set(name, null)} />
      </div>
      {list.isError && !list.data ? <ErrorState what="The tasks could not be loaded" error={list.error} retry={() => void list.refetch()} action={filtered ? clear : undefined} />
        : !list.data ? <div className="tblw card"><Skeleton rows={10} /></div>
        : rows.length === 0 ? (
          state === "review" && search.size === 1 ? <EmptyState title="Nothing to look at" action={clear}>Work that an agent finished on a branch of its own appears here until it is merged, decided on or set aside. <Link to="/queues" className="underline">A queue</Link> can also hold up what follows until a person approved.</EmptyState>
            : filtered ? <EmptyState title="No tasks match" action={clear}><Chips chips={chips} onRemove={(name) => set(name, null)} /></EmptyState>
            : <EmptyState title="No tasks yet" action={<Link className="btn p" to="/tasks/new">New task</Link>}>A task is one piece of work with a prompt and a directory. Queue one and come back later.</EmptyState>
        ) : (
          <div ref={box} style={list.isPlaceholderData ? { opacity: 0.6 } : undefined}>
            <Suspense fallback={<div className="tblw card"><Skeleton rows={10} /></div>}><TaskTable rows={rows} asked={asked} picked={picked.keys} {...moving} /></Suspense>
            <Suspense fallback={null}><Hands box={box} rows={rows} chosen={moving.chosen} picked={picked} onPick={setPicked} onPeek={moving.handlers.peek} /></Suspense>
            {list.hasNextPage ? <p className="note" style={{ paddingBottom: 18 }}><button type="button" className="btn" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more</button></p> : null}
          </div>
        )}
    </>
  );
}
