import { useQuery } from "@tanstack/react-query";
import { ChevronDown, LayoutGrid, List, Plus, Search } from "lucide-react";
import { useMemo, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { fleet, overview } from "@/api/queries";
import type { FleetRow, Machine } from "@/api/types";
import { Menu } from "@/components/Menu";
import { PageHeading, usePageTitle } from "@/components/Page";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { plural } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { AgentGrid } from "./AgentGrid";
import { AgentTable } from "./AgentTable";
import { NeedsYou } from "./NeedsYou";
import { RollCall } from "./RollCall";
import { filterRows, group, type Grouping, headline, keyOf } from "./rows";
import { Strip } from "./Strip";

const GROUPINGS: [Grouping, string][] = [["status", "Status"], ["machine", "Machine"], ["role", "Role"], ["none", "None"]];

export function Component() {
  const go = useNavigate();
  const [search, setSearch] = useSearchParams();
  const agents = useQuery(fleet);
  const figures = useQuery(overview).data;
  const [chosen, setChosen] = useState<string | null>(null);
  const [folded, setFolded] = useState<Set<string>>(new Set());
  const by = (search.get("group") as Grouping | null) ?? "status";
  const words = search.get("q") ?? "";
  const grid = search.get("view") === "grid";
  const rows = useMemo(() => agents.data?.rows ?? [], [agents.data]);
  const shown = useMemo(() => filterRows(rows, words), [rows, words]);
  const groups = useMemo(() => group(shown, by), [shown, by]);
  const title = agents.data ? headline(rows, figures?.waiting ?? 0) : "Fleet";
  usePageTitle("Fleet");

  const set = (name: string, value: string | null) =>
    setSearch((before) => {
      const after = new URLSearchParams(before);
      if (value) after.set(name, value);
      else after.delete(name);
      return after;
    }, { replace: name === "q" });
  const open = (row: FleetRow) => {
    if (row.task_id) void go(`/tasks/${row.task_id}`);
    else void go(`/agents/${encodeURIComponent(row.agent_id)}`);
  };
  const step = (by: number) => {
    const order = groups.flatMap((one) => (folded.has(one.key) ? [] : one.rows));
    const at = order.findIndex((row) => keyOf(row) === chosen);
    const next = order[Math.min(Math.max(at + by, 0), order.length - 1)];
    if (!next) return;
    setChosen(keyOf(next));
    document.querySelector<HTMLElement>(`[data-row="${CSS.escape(keyOf(next))}"]`)?.focus();
  };
  useKeys({
    j: () => step(1), k: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1),
    "/": () => document.querySelector<HTMLElement>("#fleet-filter")?.focus(),
  });

  if (agents.isError && !agents.data) return <ErrorState page what="The fleet could not be loaded" error={agents.error} retry={() => void agents.refetch()} />;
  return (
    <>
      <div className="ph">
        <div>
          <PageHeading>{title}</PageHeading>
          <p>{agents.data ? context(rows, agents.data.machines) : " "}</p>
        </div>
        <div className="r">
          <div className="seg">
            <button type="button" aria-pressed={!grid} onClick={() => set("view", null)}><List size={13} />List</button>
            <button type="button" aria-pressed={grid} onClick={() => set("view", "grid")}><LayoutGrid size={13} />Grid</button>
          </div>
          <label className="btn" style={{ gap: 6, cursor: "text" }}>
            <Search size={13} aria-hidden="true" /><span className="sr">Filter agents</span>
            <input id="fleet-filter" type="search" value={words} placeholder="Filter" onChange={(event) => set("q", event.target.value)} style={{ border: 0, background: "none", width: 110, padding: 0 }} />
          </label>
          <Menu
            trigger={<button type="button" className="btn">Group: {GROUPINGS.find(([key]) => key === by)?.[1]}<ChevronDown size={13} /></button>}
            items={GROUPINGS.map(([key, label]) => ({ label, checked: key === by, run: () => set("group", key === "status" ? null : key) }))}
          />
          <Link className="btn p" to="/tasks/new"><Plus size={13} />New task</Link>
        </div>
      </div>
      <Strip rows={rows} overview={figures} />
      <NeedsYou overview={figures} />
      {agents.data && rows.length > 0 ? <RollCall rows={rows} machines={agents.data.machines} onOpen={open} /> : null}
      {!agents.data ? (
        <div className="tblw card" style={{ marginTop: 14 }}><Skeleton rows={8} /></div>
      ) : rows.length === 0 ? (
        <EmptyState title="No agents yet" action={<Link className="btn p" to="/tasks/new">Queue a task</Link>}>
          Agents appear here when a worker starts, or when an agent of yours claims its first task.
        </EmptyState>
      ) : shown.length === 0 ? (
        <EmptyState title="No agents match" action={<button type="button" className="btn" onClick={() => set("q", null)}>Clear the filter</button>}>
          The filter is “{words}”.
        </EmptyState>
      ) : grid ? (
        <AgentGrid rows={shown} onOpen={open} />
      ) : (
        <AgentTable
          groups={groups} folded={folded} chosen={chosen} onOpen={open}
          onFold={(key) => setFolded((before) => { const after = new Set(before); if (!after.delete(key)) after.add(key); return after; })}
        />
      )}
      {agents.data?.more ? <p className="note" style={{ paddingBottom: 14 }}>Only the first 2,000 agents are shown.</p> : null}
    </>
  );
}

function context(rows: FleetRow[], machines: Machine[]): string {
  const quiet = machines.filter((machine) => machine.quiet).length;
  const first = machines.length > 0 ? `${plural(rows.length, "agent")} on ${plural(machines.length, "machine")}.` : rows.length > 0 ? `${plural(rows.length, "agent")}, none on a machine of this server.` : "No worker is connected.";
  return quiet > 0 ? `${first} ${quiet === 1 ? "One machine has" : `${quiet} machines have`} gone quiet.` : first;
}
