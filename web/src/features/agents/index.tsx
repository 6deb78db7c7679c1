import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Columns2, Plus, Search, UserRoundCog } from "lucide-react";
import { lazy, Suspense, useMemo } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { fleet } from "@/api/queries";
import { PageHeading, usePageTitle } from "@/components/Page";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { plural } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { useRows } from "@/lib/usePeek";
import { AgentTable } from "./AgentTable";
import { NewAgent } from "./NewAgent";
import { agentPages } from "./queries";
import { addressOf, busiest, pairOf } from "./pair";
import { type AgentLine, filtered, GROUPS, isSort, linesOf, sorted, type Sort } from "./rows";

const Compare = lazy(() => import("./Compare"));
const keyOf = (line: AgentLine) => line.agent.id;
const peekOf = (line: AgentLine) => `agent:${line.agent.id}`;

export function Component() {
  const go = useNavigate();
  const [search, setSearch] = useSearchParams();
  const list = useInfiniteQuery(agentPages);
  const rows = useQuery(fleet).data?.rows;
  const group = search.get("state") ?? "";
  const words = search.get("q") ?? "";
  const asked = search.get("sort");
  const sort: Sort = isSort(asked) ? asked : "state";
  const comparing = search.get("compare");
  const backwards = search.get("order") === "reverse";
  const all = useMemo(() => linesOf(list.data?.pages.flatMap((page) => page.items) ?? [], rows ?? []), [list.data, rows]);
  const shown = sorted(filtered(all, group, words), sort, backwards);
  usePageTitle("Agents");
  const set = (changes: Record<string, string | null>) => setSearch((before) => {
    const after = new URLSearchParams(before);
    for (const [name, value] of Object.entries(changes)) if (value) after.set(name, value); else after.delete(name);
    return after;
  }, { replace: "q" in changes, flushSync: "q" in changes });
  const moving = useRows({ rows: shown, keyOf, peekOf, onOpen: (line) => void go(`/agents/${encodeURIComponent(line.agent.id)}`) });
  useKeys({ "/": () => document.querySelector<HTMLElement>("#agent-search")?.focus() });
  const clear = <button type="button" className="btn" onClick={() => setSearch({})}>Clear the filters</button>;
  const working = all.filter((line) => line.works.some((row) => row.task_id !== null)).length;
  const known = list.data !== undefined && rows !== undefined;
  return (
    <>
      <div className="ph">
        <div>
          <PageHeading>{!known ? "Agents" : all.length === 0 ? "No agents yet" : working > 0 ? `${working} of ${plural(all.length, "agent")} at work` : all.length === 1 ? "Your agent is idle" : `${plural(all.length, "agent")}, none at work`}</PageHeading>
          <p>Success, cost and median are of each agent's newest 200 tasks.</p>
        </div>
        <div className="r">
          {all.length > 1 ? <button type="button" className="btn" aria-pressed={comparing !== null} onClick={() => set({ compare: comparing === null ? addressOf(busiest(all)) : null })}><Columns2 size={13} />Compare</button> : null}
          <Link className="btn" to="/agents/roles"><UserRoundCog size={13} />Roles</Link>
          <button type="button" className="btn p" onClick={() => set({ new: "agent" })}><Plus size={13} />New agent</button>
        </div>
      </div>
      <div className="fbar">
        <div style={{ position: "relative", display: "flex", alignItems: "center" }}>
          <Search size={13} style={{ position: "absolute", left: 9, color: "var(--fg-3)" }} aria-hidden="true" />
          <input id="agent-search" className="inp" style={{ paddingLeft: 28 }} type="search" placeholder="Name, model, task, machine" aria-label="Search agents" value={words} onChange={(event) => set({ q: event.target.value })} />
        </div>
        <div className="seg" role="group" aria-label="State" style={{ overflowX: "auto", maxWidth: "100%" }}>
          {GROUPS.map(([key, label]) => <button key={key} type="button" aria-pressed={group === key} onClick={() => set({ state: key })}>{label}</button>)}
        </div>
      </div>
      {comparing !== null && known ? <Suspense fallback={<Skeleton rows={6} />}><Compare lines={sorted(all, "name", false)} wanted={pairOf(comparing)} onWant={(pair) => set({ compare: addressOf(pair) })} onClose={() => set({ compare: null })} /></Suspense> : null}
      {list.isError && !list.data ? <ErrorState what="The agents could not be loaded" error={list.error} retry={() => void list.refetch()} />
        : !list.data ? <div className="tblw card"><Skeleton rows={8} /></div>
        : all.length === 0 ? <EmptyState title="No agents yet" action={<button type="button" className="btn p" onClick={() => set({ new: "agent" })}>New agent</button>}>Agents appear here when a worker starts, when an agent of yours claims its first task, or when you register one.</EmptyState>
        : shown.length === 0 ? <EmptyState title="No agents match" action={clear}>{[words && `Words: ${words}`, group && `State: ${GROUPS.find(([key]) => key === group)?.[1] ?? group}`].filter(Boolean).join(" · ")}</EmptyState>
        : (
          <>
            <AgentTable lines={shown} sort={sort} backwards={backwards} {...moving} onSort={(next) => set({ sort: next, order: next === sort && !backwards ? "reverse" : null })} />
            {list.hasNextPage ? <p className="note" style={{ paddingBottom: 18 }}><button type="button" className="btn" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more</button></p> : null}
          </>
        )}
      {search.get("new") === "agent" ? <NewAgent known={new Set(all.map((line) => line.agent.id))} onClose={() => set({ new: null })} /> : null}
    </>
  );
}
