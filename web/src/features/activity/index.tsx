import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Download } from "lucide-react";
import { useState } from "react";
import { useSearchParams } from "react-router";
import { fleet, projects } from "@/api/queries";
import { PageHeading, usePageTitle } from "@/components/Page";
import { SavedViews } from "@/components/SavedViews";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { say, sayFailed } from "@/components/toasts";
import { download } from "@/lib/csv";
import { plural } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { Entries } from "./Entries";
import { ACTIONS, exportCsv, type Filter, freshOf, page } from "./feed";

const TASK = /^tsk_[0-9a-z]{13}$/;

function useFilter() {
  const [search, setSearch] = useSearchParams();
  const get = (name: string) => search.get(name) ?? undefined;
  const set = (name: string, value: string | null, replace = false) => setSearch((before) => {
    const after = new URLSearchParams(before);
    if (value) after.set(name, value);
    else after.delete(name);
    return after;
  }, { replace });
  const task = get("task");
  const filter: Filter = { agent: get("agent"), task: task && TASK.test(task) ? task : undefined, project: get("project"), kind: search.has("action") ? [search.get("action")!] : undefined };
  return { filter, task, open: search.get("open"), set, clear: () => setSearch({}) };
}

export function Component() {
  const { filter, task, open, set, clear } = useFilter();
  usePageTitle("Activity");
  const list = useInfiniteQuery({
    queryKey: ["feed", filter], staleTime: Infinity,
    queryFn: ({ pageParam }) => page(filter, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    placeholderData: (before) => before,
  });
  const newest = useQuery({ queryKey: ["activities", filter], queryFn: () => page(filter, undefined, 50), refetchInterval: 10_000, enabled: list.data !== undefined });
  const items = list.data?.pages.flatMap((one) => one.items) ?? [];
  const fresh = list.isPlaceholderData ? [] : freshOf(newest.data?.items ?? [], items);
  const filtered = Object.values(filter).some((value) => value !== undefined);
  const clearing = <button type="button" className="btn" onClick={clear}>Clear the filters</button>;
  return (
    <>
      <div className="ph">
        <div><PageHeading>Activity</PageHeading><p>What happened, newest first. Nothing here is changed or removed.</p></div>
        <div className="r"><Export filter={filter} /></div>
      </div>
      <SavedViews list="activity" all="All activity" />
      <Filters filter={filter} task={task} set={set} />
      {fresh.length > 0 ? <p className="note" style={{ paddingBottom: 8 }}><button type="button" className="btn s" onClick={() => void list.refetch()}>{fresh.length >= 50 ? "50 or more" : fresh.length} new · Show</button></p> : null}
      {list.isError && !list.data ? <ErrorState what="The activity could not be loaded" error={list.error} retry={() => void list.refetch()} action={filtered ? clearing : undefined} />
        : !list.data ? <div className="tblw card"><Skeleton rows={12} /></div>
        : items.length === 0 && !list.hasNextPage ? (
          filtered ? <EmptyState title="No entries match" action={clearing}>{Object.entries(filter).filter(([, value]) => value).map(([name, value]) => `${name}: ${value}`).join(" · ")}</EmptyState>
            : <EmptyState title="Nothing has happened yet">Every task that is queued, started and finished is written down here, with who did it.</EmptyState>
        ) : (
          <div style={list.isPlaceholderData ? { opacity: 0.6 } : undefined}>
            {items.length > 0 ? <Entries items={items} open={open} onOpen={(id) => set("open", id, true)} /> : null}
            {list.hasNextPage ? <p className="note" style={{ paddingBottom: 18 }}><button type="button" className="btn" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show earlier</button></p> : null}
          </div>
        )}
    </>
  );
}

function Filters({ filter, task, set }: { filter: Filter; task: string | undefined; set: (name: string, value: string | null, replace?: boolean) => void }) {
  const agents = useQuery(fleet).data?.rows ?? [];
  const places = useQuery(projects).data?.items ?? [];
  const project = places.find((one) => one.id === filter.project || one.name === filter.project);
  useKeys({ "/": () => document.querySelector<HTMLElement>("#feed-agent")?.focus() });
  return (
    <div className="fbar">
      <select className="inp" style={{ width: 190 }} aria-label="Action" value={filter.kind?.[0] ?? ""} onChange={(event) => set("action", event.target.value || null)}>
        {ACTIONS.map(([value, label]) => <option key={value} value={value}>{label.replace(/^ {2}/, "\u00a0\u00a0")}</option>)}
      </select>
      <input id="feed-agent" className="inp" style={{ width: 170 }} list="feed-agents" type="search" placeholder="Any agent" aria-label="Agent" defaultValue={filter.agent} key={`agent ${filter.agent}`} onChange={(event) => (event.target.value === "" || agents.some((one) => one.agent_id === event.target.value)) && set("agent", event.target.value || null)} onKeyDown={(event) => event.key === "Enter" && set("agent", event.currentTarget.value.trim() || null)} />
      <datalist id="feed-agents">{[...new Map(agents.map((row) => [row.agent_id, row.name]))].map(([id, name]) => <option key={id} value={id}>{name}</option>)}</datalist>
      <input className="inp" style={{ width: 180 }} type="search" placeholder="Any task (its id)" aria-label="Task" defaultValue={task} key={`task ${task}`} aria-invalid={task !== undefined && filter.task === undefined} onChange={(event) => (event.target.value === "" || TASK.test(event.target.value.trim())) && set("task", event.target.value.trim() || null)} />
      <select className="inp" style={{ width: 170 }} aria-label="Project" value={project?.id ?? filter.project ?? ""} onChange={(event) => set("project", event.target.value || null)}>
        <option value="">Any project</option>
        {filter.project && !project ? <option value={filter.project}>{filter.project}</option> : null}
        {places.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}
      </select>
    </div>
  );
}

function Export({ filter }: { filter: Filter }) {
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      const { text, count, more } = await exportCsv(filter);
      download(`activity-${new Date().toISOString().slice(0, 10)}.csv`, text);
      say(`${plural(count, "entry", "entries")} exported${more ? "; older ones are left out, narrow the filter to get them" : ""}`);
    } catch (error) {
      sayFailed("Not exported", error);
    } finally {
      setBusy(false);
    }
  };
  return <button type="button" className="btn" disabled={busy} onClick={() => void run()}><Download size={13} />{busy ? "Exporting" : "Export CSV"}</button>;
}
