import { useQuery } from "@tanstack/react-query";
import { ChevronDown, Ellipsis, LayoutGrid, List, Plus, Search } from "lucide-react";
import { Fragment, lazy, Suspense, useMemo, useRef, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { fleet, overview } from "@/api/queries";
import type { Fleet, FleetRow, Machine, Overview } from "@/api/types";
import { Menu } from "@/components/Menu";
import { PageHeading, usePageTitle } from "@/components/Page";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { plural } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import type { Picked } from "@/lib/picking";
import { usePeek, useRows } from "@/lib/usePeek";
import { usePageWidth } from "@/lib/useWidth";
import { AgentTable } from "./AgentTable";
import { columnsFor } from "./columns";
import { type Custom, type Section, useCustom } from "./custom";
import { isEmpty } from "./survey";
import { NeedsYou } from "./NeedsYou";
import { RollCall } from "./RollCall";
import { filterRows, group, type Grouping, headline, keyOf, nextSort, peekOf, sorted } from "./rows";
import { Strip } from "./Strip";

const AgentGrid = lazy(() => import("./AgentGrid"));
const Hands = lazy(() => import("./Hands"));
const FirstRun = lazy(() => import("./FirstRun"));
const Customise = lazy(() => import("./Customise"));

const NOTHING: Picked = { keys: new Set(), from: null };
const GROUPINGS: [Grouping, string][] = [["status", "Status"], ["machine", "Machine"], ["role", "Role"], ["none", "None"]];

function useView() {
  const [search, setSearch] = useSearchParams();
  const set = (name: string, value: string | null) =>
    setSearch((before) => {
      const after = new URLSearchParams(before);
      if (value) after.set(name, value);
      else after.delete(name);
      return after;
    }, { replace: name === "q", flushSync: name === "q" });
  return { by: (search.get("group") as Grouping | null) ?? "status", words: search.get("q") ?? "", sort: search.get("sort") ?? "", grid: search.get("view") === "grid", set };
}

type View = ReturnType<typeof useView>;

export function Component() {
  const agents = useQuery(fleet);
  const today = useQuery(overview);
  const figures = today.data;
  const view = useView();
  const [custom, setCustom] = useCustom();
  const [frozen, setFrozen] = useState<Fleet | null>(null);
  // What stands above the agents is as high as these figures say; nothing is drawn before they are known.
  const data = frozen ?? (today.isPending ? undefined : agents.data);
  const rows = useMemo(() => data?.rows ?? [], [data]);
  const empty = data !== undefined && isEmpty(rows, figures);
  usePageTitle("Fleet");
  if (agents.isError && !agents.data) return <ErrorState page what="The fleet could not be loaded" error={agents.error} retry={() => void agents.refetch()} />;
  return (
    <>
      <div className="ph">
        <div>
          <PageHeading>{empty ? "Nothing has run here yet" : data ? headline(rows, figures?.waiting ?? 0) : "Fleet"}</PageHeading>
          <p>{empty ? `${plural(data.machines.length, "machine")} connected.` : data ? context(rows, data.machines) : "\u00a0"}</p>
        </div>
        {empty ? null : <Controls view={view} onCustomise={() => setFrozen(agents.data ?? null)} />}
      </div>
      {empty ? <><NeedsYou overview={figures} /><Suspense fallback={<Skeleton rows={8} />}><FirstRun /></Suspense></> : <Body data={data} rows={rows} figures={figures} view={view} custom={custom} />}
      {data?.more ? <p className="note" style={{ paddingBottom: 14 }}>Only the first 2,000 agents are shown.</p> : null}
      {frozen ? <Suspense fallback={null}><Customise custom={custom} onChange={setCustom} onClose={() => setFrozen(null)} /></Suspense> : null}
    </>
  );
}

function Controls({ view, onCustomise }: { view: View; onCustomise: () => void }) {
  const { by, words, grid, set } = view;
  useKeys({ "/": () => document.querySelector<HTMLElement>("#fleet-filter")?.focus() });
  return (
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
      <Menu trigger={<button type="button" className="btn" aria-label="More"><Ellipsis size={14} /></button>} items={[{ label: "Customise…", run: onCustomise }]} />
      <Link className="btn p" to="/tasks/new"><Plus size={13} />New task</Link>
    </div>
  );
}

interface BodyProps {
  data: Fleet | undefined;
  rows: FleetRow[];
  figures: Overview | undefined;
  view: View;
  custom: Custom;
}

function Body({ data, rows, figures, view, custom }: BodyProps) {
  const go = useNavigate();
  const { show } = usePeek();
  const box = useRef<HTMLDivElement>(null);
  const [picked, setPicked] = useState<Picked>(NOTHING);
  const [folded, setFolded] = useState<Set<string>>(new Set());
  const shown = useMemo(() => sorted(filterRows(rows, view.words), view.sort), [rows, view.words, view.sort]);
  const groups = useMemo(() => group(shown, view.by), [shown, view.by]);
  const order = useMemo(() => groups.flatMap((one) => (folded.has(one.key) ? [] : one.rows)), [groups, folded]);
  const peek = useMemo(() => peekOf(rows), [rows]);
  const moving = useRows({
    rows: order, keyOf, peekOf: peek,
    onOpen: (row) => (row.task_id ? void go(`/tasks/${row.task_id}`) : show(`agent:${row.agent_id}`)),
  });
  const width = usePageWidth();
  const columns = useMemo(() => columnsFor(custom.columns, width), [custom.columns, width]);
  // All of it at once: what comes later would push down what is read already.
  if (!data) return <div key="coming" className="tblw card" style={{ marginTop: 14 }}><Skeleton rows={8} /></div>;
  const section: Record<Section, React.ReactNode> = {
    strip: <Strip rows={rows} overview={figures} cells={custom.cells} />,
    needs: <NeedsYou overview={figures} />,
    roll: rows.length > 0 ? <RollCall rows={rows} machines={data.machines} onPeek={moving.handlers.peek} /> : null,
    agents: rows.length === 0 ? (
        <EmptyState title="No agents yet" action={<Link className="btn p" to="/tasks/new">Queue a task</Link>}>
          Agents appear here when a worker starts, or when an agent of yours claims its first task.
        </EmptyState>
      ) : shown.length === 0 ? (
        <EmptyState title="No agents match" action={<button type="button" className="btn" onClick={() => view.set("q", null)}>Clear the filter</button>}>
          The filter is “{view.words}”.
        </EmptyState>
      ) : view.grid ? (
        <Suspense fallback={<Skeleton rows={4} height={132} />}><AgentGrid rows={shown} chosen={moving.chosen} picked={picked.keys} onPeek={moving.handlers.peek} /></Suspense>
      ) : (
        <AgentTable
          groups={groups} folded={folded} picked={picked.keys} columns={columns} sort={view.sort} onSort={(key) => view.set("sort", nextSort(view.sort, key))} {...moving}
          onFold={(key) => setFolded((before) => { const after = new Set(before); if (!after.delete(key)) after.add(key); return after; })}
        />
      ),
  };
  return (
    <div className="sections" ref={box}>
      {custom.sections.map((name) => <Fragment key={name}>{section[name]}</Fragment>)}
      {rows.length > 0 ? <Suspense fallback={null}><Hands box={box} rows={order} chosen={moving.chosen} picked={picked} onPick={setPicked} onPeek={moving.handlers.peek} /></Suspense> : null}
    </div>
  );
}

function context(rows: FleetRow[], machines: Machine[]): string {
  const quiet = machines.filter((machine) => machine.quiet).length;
  const first = machines.length > 0 ? `${plural(rows.length, "agent")} on ${plural(machines.length, "machine")}.` : rows.length > 0 ? `${plural(rows.length, "agent")}, none on a machine of this server.` : "No worker is connected.";
  return quiet > 0 ? `${first} ${quiet === 1 ? "One machine has" : `${quiet} machines have`} gone quiet.` : first;
}
