import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Pause, Play, Plus } from "lucide-react";
import { Link, NavLink, useParams, useSearchParams } from "react-router";
import { answer, api, ApiProblem } from "@/api/client";
import { useAsked } from "@/api/queries";
import type { Project, TaskState } from "@/api/types";
import { PageHeading, usePageTitle } from "@/components/Page";
import { StateChip } from "@/components/StateGlyph";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { SessionRows } from "@/components/SessionRows";
import { TaskRows } from "@/components/TaskRows";
import { useAct } from "@/components/useAct";
import { count } from "@/lib/format";
import { useOnline } from "@/live/live";
import { Money } from "./Money";
import { Overview } from "./Overview";
import { project as projectQuery } from "./queries";

export function Component() {
  const { id = "", tab = "overview" } = useParams();
  const found = useQuery(projectQuery(id));
  usePageTitle(found.data?.name ?? "Project");
  if (found.isError && !found.data) {
    const missing = found.error instanceof ApiProblem && found.error.status === 404;
    return missing
      ? <EmptyState page title="There is no such project" action={<Link className="btn p" to="/projects">All projects</Link>}>Nothing is called {id}. It may have been removed.</EmptyState>
      : <ErrorState page what="The project could not be loaded" error={found.error} retry={() => void found.refetch()} />;
  }
  if (!found.data) return <div style={{ padding: 20 }}><Skeleton rows={8} height={40} /></div>;
  const project = found.data;
  return (
    <>
      <Head project={project} />
      <Tabs project={project} />
      <div className="pl-body">
        {tab === "overview" ? <Overview key={project.id} project={project} />
          : tab === "tasks" ? <Tasks project={project} />
          : tab === "sessions" ? <Sessions project={project} />
          : tab === "money" ? <Money project={project} />
          : <EmptyState title="There is no such tab" action={<Link className="btn p" to={`/projects/${id}`}>Overview</Link>} />}
      </div>
    </>
  );
}

function Head({ project }: { project: Project }) {
  const online = useOnline();
  const change = useAct(
    (status: Project["status"]) => answer(api.PATCH("/api/v1/projects/{project}", { params: { path: { project: project.id } }, body: { status } })),
    { failed: "Not changed", said: (made) => (made.status === "paused" ? "Paused: it hands out no task. What runs goes on." : made.status === "active" ? "Resumed" : "Completed") },
  );
  const paused = project.status === "paused";
  return (
    <div className="ph">
      <div>
        <div className="pl-title"><PageHeading>{project.name}</PageHeading>{paused ? <StateChip state="paused" /> : project.status === "completed" ? <StateChip state="succeeded" word="Completed" /> : null}</div>
        <p>{paused ? "It hands out no task until it is resumed. What runs goes on." : project.description || "A body of work with its own money."}</p>
      </div>
      <div className="r">
        {project.status === "active"
          ? <button type="button" className="btn" disabled={!online || change.isPending} onClick={() => change.mutate("paused")}><Pause size={13} />Pause</button>
          : <button type="button" className="btn p" disabled={!online || change.isPending} onClick={() => change.mutate("active")}><Play size={13} />{paused ? "Resume" : "Take up again"}</button>}
        <Link className="btn p" to={`/tasks/new?project=${encodeURIComponent(project.name)}`}><Plus size={13} />New task</Link>
      </div>
    </div>
  );
}

function Tabs({ project }: { project: Project }) {
  const base = `/projects/${project.id}`;
  const total = Object.values(project.tasks).reduce((sum, amount) => sum + amount, 0);
  const tabs: [string, string, number][] = [["", "Overview", 0], ["/tasks", "Tasks", total], ["/sessions", "Work sessions", 0], ["/money", "Money", 0]];
  return (
    <nav className="tabs" aria-label="Project">
      {tabs.map(([path, label, amount]) => <NavLink key={label} to={base + path} end>{label}{amount > 0 ? <i>{count(amount)}</i> : null}</NavLink>)}
    </nav>
  );
}

const STATES: [string, string, TaskState[] | undefined][] = [
  ["", "All", undefined], ["open", "Open", ["blocked", "backoff", "ready", "running"]], ["running", "Running", ["running"]], ["queued", "Queued", ["blocked", "backoff", "ready"]],
  ["succeeded", "Succeeded", ["succeeded"]], ["failed", "Failed", ["failed"]], ["cancelled", "Cancelled", ["cancelled"]],
];

function Tasks({ project }: { project: Project }) {
  const asked = useAsked();
  const [search, setSearch] = useSearchParams();
  const state = search.get("state") ?? "";
  const wanted = STATES.find(([key]) => key === state)?.[2];
  const list = useInfiniteQuery({
    queryKey: ["tasks", "of project", project.id, state],
    queryFn: ({ pageParam }) => answer(api.GET("/api/v1/tasks", { params: { query: { project: project.id, state: wanted, limit: 100, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (before) => before,
  });
  const amount = (states: TaskState[] | undefined) => (states ? states.reduce((sum, one) => sum + (project.tasks[one] ?? 0), 0) : Object.values(project.tasks).reduce((sum, one) => sum + one, 0));
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <div className="fbar">
        <div className="seg" role="group" aria-label="State" style={{ overflowX: "auto", maxWidth: "100%" }}>
          {STATES.map(([key, label, states]) => <button key={key} type="button" aria-pressed={state === key} onClick={() => setSearch(key ? { state: key } : {})}>{label} <span className="num mut">{count(amount(states))}</span></button>)}
        </div>
      </div>
      {list.isError && !list.data ? <ErrorState what="The tasks could not be loaded" error={list.error} retry={() => void list.refetch()} />
        : !list.data ? <Skeleton rows={8} />
        : rows.length === 0 ? (state ? <EmptyState title="No tasks match" action={<button type="button" className="btn" onClick={() => setSearch({})}>Clear the filter</button>}>State: {state}</EmptyState>
          : <EmptyState title="No tasks yet" action={<Link className="btn p" to={`/tasks/new?project=${encodeURIComponent(project.name)}`}>New task</Link>}>Tasks of this project are listed here.</EmptyState>)
        : <div style={list.isPlaceholderData ? { opacity: 0.6 } : undefined}><TaskRows rows={rows} asked={asked} label={`Tasks of ${project.name}`} />
          {list.hasNextPage ? <p className="note"><button type="button" className="btn" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more</button></p> : null}</div>}
    </>
  );
}

function Sessions({ project }: { project: Project }) {
  const list = useQuery({
    queryKey: ["sessions", "of project", project.id],
    queryFn: () => answer(api.GET("/api/v1/sessions", { params: { query: { project: project.id, limit: 200 } } })),
  });
  const begin = <Link className="btn" to={`/sessions?new=1&project=${project.id}`}><Plus size={13} />Begin a session</Link>;
  if (list.isError && !list.data) return <ErrorState what="The sessions could not be loaded" error={list.error} retry={() => void list.refetch()} />;
  if (!list.data) return <Skeleton rows={5} />;
  if (list.data.items.length === 0) return <EmptyState title="No work sessions yet" action={begin}>A session is a named stretch of work that groups tasks and carries context.</EmptyState>;
  return <><div className="fbar">{begin}</div><SessionRows rows={list.data.items} /></>;
}
