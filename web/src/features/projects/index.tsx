import { useInfiniteQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { Link, useNavigate, useSearchParams } from "react-router";
import type { Project } from "@/api/types";
import { PageHeading, usePageTitle } from "@/components/Page";
import { StateBar, StateChip } from "@/components/StateGlyph";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { TimeAgo } from "@/components/TimeAgo";
import { count, plural } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { CapitalBar } from "./CapitalBar";
import { NewProject } from "./NewProject";
import { openIn, openOf, projectList } from "./queries";

const VIEWS: [string, string][] = [["", "All"], ["active", "Active"], ["paused", "Paused"], ["completed", "Completed"]];

export function Component() {
  const go = useNavigate();
  const [search, setSearch] = useSearchParams();
  const status = search.get("status") ?? "";
  const list = useInfiniteQuery(projectList);
  usePageTitle("Projects");
  const all = list.data?.pages.flatMap((page) => page.items) ?? [];
  const rows = all.filter((one) => !status || one.status === status);
  const set = (name: string, value: string | null) => setSearch((before) => {
    const after = new URLSearchParams(before);
    if (value) after.set(name, value); else after.delete(name);
    return after;
  });
  const walk = (by: number) => {
    const found = [...document.querySelectorAll<HTMLElement>("[data-project]")];
    found[Math.min(Math.max(found.indexOf(document.activeElement as HTMLElement) + by, 0), found.length - 1)]?.focus();
  };
  useKeys({ j: () => walk(1), k: () => walk(-1), ArrowDown: () => walk(1), ArrowUp: () => walk(-1) });
  const paused = all.filter((one) => one.status === "paused").length;
  return (
    <>
      <div className="ph">
        <div>
          <PageHeading>{list.data ? plural(all.length, "project") : "Projects"}</PageHeading>
          <p>{paused > 0 ? `${plural(paused, "project")} paused: ${paused === 1 ? "it hands" : "they hand"} out no task.` : "A project groups tasks, queues and sessions, and has its own money."}</p>
        </div>
        <div className="r">
          <div className="seg" role="group" aria-label="Status">{VIEWS.map(([key, label]) => <button key={key} type="button" aria-pressed={status === key} onClick={() => set("status", key || null)}>{label}</button>)}</div>
          <button type="button" className="btn p" onClick={() => set("new", "1")}><Plus size={13} />New project</button>
        </div>
      </div>
      {list.isError && !list.data ? <ErrorState what="The projects could not be loaded" error={list.error} retry={() => void list.refetch()} />
        : !list.data ? <Skeleton rows={5} height={64} />
        : rows.length === 0 ? (
          status ? <EmptyState title="No projects match" action={<button type="button" className="btn" onClick={() => set("status", null)}>Clear the filter</button>}>Status: {status}</EmptyState>
            : <EmptyState title="No projects yet" action={<button type="button" className="btn p" onClick={() => set("new", "1")}>New project</button>}>A project groups tasks and has its own money.</EmptyState>
        ) : (
          <>
            <ul className="pl-projects" aria-label="Projects">{rows.map((one) => <Row key={one.id} project={one} onOpen={() => void go(`/projects/${one.id}`)} />)}</ul>
            {list.hasNextPage ? <p className="note"><button type="button" className="btn" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more</button></p> : null}
          </>
        )}
      {search.get("new") ? <NewProject onClose={() => set("new", null)} onMade={(made) => void go(`/projects/${made.id}`)} /> : null}
    </>
  );
}

function Row({ project, onOpen }: { project: Project; onOpen: () => void }) {
  const open = openIn(project);
  const total = openOf(project);
  return (
    <li className="card" data-project={project.id} tabIndex={0} onClick={(event) => !(event.target as Element).closest("a") && onOpen()} onKeyDown={(event) => event.key === "Enter" && event.target === event.currentTarget && onOpen()}>
      <div className="who">
        <p className="cut"><Link to={`/projects/${project.id}`}><b>{project.icon ? `${project.icon} ` : ""}{project.name}</b></Link>{project.status === "paused" ? <StateChip state="paused" /> : project.status === "completed" ? <StateChip state="succeeded" word="Completed" /> : null}</p>
        <p className="mut cut">{project.status === "paused" ? "It hands out no task until it is resumed." : project.description || project.working_dir || "No description."}</p>
      </div>
      <Link to={`/projects/${project.id}/money`}><span className="sr">Money of {project.name}: </span><CapitalBar project={project} /></Link>
      <Link className="open" to={`/projects/${project.id}/tasks?state=open`}>
        <span className="sr">Tasks of {project.name}: </span>
        <span className="num">{total > 0 ? `${count(total)} open` : "Nothing open"}<span className="mut">{(open.running ?? 0) > 0 ? `, ${count(open.running ?? 0)} running` : ""}</span></span>
        {total > 0 ? <StateBar counts={open} /> : null}
      </Link>
      <span className="mut num low1">changed <TimeAgo at={project.updated_at} /></span>
    </li>
  );
}
