import { useQuery } from "@tanstack/react-query";
import { FolderGit2 } from "lucide-react";
import { lazy, Suspense } from "react";
import { Link, NavLink, useLocation, useParams, useSearchParams } from "react-router";
import { ApiProblem } from "@/api/client";
import { task as taskQuery, taskApprovals, taskAttempts, taskFiles } from "@/api/queries";
import type { Attempt, Task } from "@/api/types";
import { Onlookers } from "@/components/Onlookers";
import { PageHeading, usePageTitle } from "@/components/Page";
import { StateChip } from "@/components/StateGlyph";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { TimeAgo } from "@/components/TimeAgo";
import { count, plural, shortPath } from "@/lib/format";
import { seenTask } from "@/lib/states";
import { useLooking } from "@/live/looking";
import { TaskActions } from "./actions";
import { AttemptPicker, RunPicker } from "./Attempts";
import { Facts } from "./Facts";
import { Overview } from "./Overview";

// What agents say is rendered by a parser that the other tabs do not need.
const Conversation = lazy(() => import("@/components/conversation/Conversation"));
const Compare = lazy(() => import("./Compare"));
const ApprovalsTab = lazy(() => import("./ApprovalsTab"));
const HistoryTab = lazy(() => import("./HistoryTab"));
const OutputTab = lazy(() => import("./OutputTab"));
const FilesView = lazy(() => import("@/components/FilesView").then((module) => ({ default: module.FilesView })));
const LogFiles = lazy(() => import("@/components/logs/LogFiles"));

export function Component() {
  const { id = "", tab = "overview" } = useParams();
  const [search] = useSearchParams();
  const found = useQuery(taskQuery(id));
  const attempts = useQuery({ ...taskAttempts(id), enabled: found.data !== undefined }).data?.items ?? [];
  usePageTitle(found.data?.title ?? "Task");
  if (found.isError && !found.data) {
    const missing = found.error instanceof ApiProblem && found.error.status === 404;
    return missing ? (
      <EmptyState page title="There is no such task" action={<Link className="btn p" to="/tasks">All tasks</Link>}>Nothing has the id {id}. It may have been removed.</EmptyState>
    ) : (
      <ErrorState page what="The task could not be loaded" error={found.error} retry={() => void found.refetch()} />
    );
  }
  if (!found.data) return <div style={{ padding: 20 }}><Skeleton rows={10} height={40} /></div>;
  const wanted = Number(search.get("attempt")) || found.data.attempt?.number || 0;
  const attempt = attempts.find((one) => one.number === wanted) ?? (found.data.attempt?.number === wanted ? found.data.attempt : null);
  return <TaskPage key={id} task={found.data} attempts={attempts} attempt={attempt} tab={tab} />;
}

interface PageProps {
  task: Task;
  attempts: Attempt[];
  attempt: Attempt | null;
  tab: string;
}

function TaskPage({ task, attempts, attempt, tab }: PageProps) {
  const approvals = useQuery(taskApprovals(task.id)).data?.items ?? [];
  const files = useQuery({ ...taskFiles(task.id, attempt?.number), enabled: attempt !== null }).data;
  const pending = approvals.filter((approval) => approval.state === "pending");
  const { state, word } = seenTask(task, pending.length > 0);
  const branch = attempt?.run?.branch;
  useLooking([task.id, ...pending.map((approval) => approval.id)]);
  return (
    <div className="tk">
      <div className="l">
        <div className="hd">
          <div className="meta">
            <StateChip state={state} word={word} />
            {pending.length > 0 ? <StateChip state="waiting" word={plural(pending.length, "request")} /> : null}
            <AttemptPicker task={task} attempts={attempts} attempt={attempt} />
            {task.working_dir ? <span title={task.working_dir} style={{ display: "flex", gap: 4, alignItems: "center" }}><FolderGit2 size={13} aria-hidden="true" />{shortPath(task.working_dir, 32)}</span> : null}
            {branch ? <><span className="mut">·</span><span className="mono">{branch}</span></> : null}
            <span className="mut">·</span><span>queued <TimeAgo at={task.created_at} /></span>
            <Onlookers item={task.id} />
          </div>
          <div className="ttl">
            <div style={{ minWidth: 0, display: "flex", flexWrap: "wrap", gap: "6px 12px", alignItems: "center" }}><PageHeading>{task.title}</PageHeading><RunPicker task={task} /></div>
            <TaskActions task={task} attempt={attempt} files={files?.produced.length ?? 0} />
          </div>
        </div>
        <Tabs task={task} attempts={attempts.length} attempt={attempt} files={files?.produced.length ?? 0} approvals={approvals.length} />
        <div className="body">
          {tab === "overview" ? <Overview task={task} attempts={attempts} attempt={attempt} files={files} pending={pending.length > 0} />
            : tab === "output" ? <Suspense fallback={<Skeleton rows={8} height={19} />}><OutputTab task={task} attempts={attempts} attempt={attempt} /></Suspense>
            : tab === "logs" ? <Suspense fallback={<Skeleton rows={8} height={19} />}><LogFiles task={task} attempt={attempt} /></Suspense>
            : tab === "conversation" ? <Suspense fallback={<Skeleton rows={8} height={40} />}><Conversation task={task} attempt={attempt} /></Suspense>
            : tab === "approvals" ? <Suspense fallback={<Skeleton rows={4} height={80} />}><ApprovalsTab approvals={approvals} /></Suspense>
            : tab === "files" ? <Suspense fallback={<Skeleton rows={6} height={28} />}><FilesView files={files} attempt={attempt} task={task} /></Suspense>
            : tab === "compare" ? <Suspense fallback={<Skeleton rows={8} height={24} />}><Compare task={task} attempts={attempts} /></Suspense>
            : tab === "history" ? <Suspense fallback={<Skeleton rows={8} height={24} />}><HistoryTab task={task} /></Suspense>
            : <EmptyState title="There is no such tab" action={<Link className="btn p" to={`/tasks/${task.id}`}>Overview</Link>} />}
        </div>
      </div>
      <Facts task={task} attempts={attempts} attempt={attempt} pending={pending} />
    </div>
  );
}

function Tabs({ task, attempts, attempt, files, approvals }: { task: Task; attempts: number; attempt: Attempt | null; files: number; approvals: number }) {
  const base = `/tasks/${task.id}`;
  const { pathname } = useLocation();
  const [search] = useSearchParams();
  const chosen = search.get("attempt");
  const tabs: [string, string, number][] = [
    ["", "Overview", 0], ["changes", "Changes", files], ["output", "Output", attempt?.lines ?? 0], ["conversation", "Conversation", attempt?.run?.entries ?? 0],
    ["approvals", "Approvals", approvals], ["files", "Files", 0], ...(attempt?.run ? [["logs", "Logs", 0] as [string, string, number]] : []), ["history", "History", 0], ...(attempts > 1 || pathname.endsWith("/compare") ? [["compare", "Compare", 0] as [string, string, number]] : []),
  ];
  return (
    <nav className="tabs" aria-label="Task">
      {tabs.map(([path, label, amount]) => (
        <NavLink key={label} to={`${path ? `${base}/${path}` : base}${chosen ? `?attempt=${chosen}` : ""}`} end>{label}{amount > 0 ? <i>{count(amount)}</i> : null}</NavLink>
      ))}
    </nav>
  );
}
