import { useQuery } from "@tanstack/react-query";
import { Search } from "lucide-react";
import { useMemo } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { sandboxes } from "@/api/operate";
import { workers } from "@/api/queries";
import { PageHeading, usePageTitle } from "@/components/Page";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { plural } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { useRows } from "@/lib/usePeek";
import { filterSandboxes, machinesOf } from "./machines";
import { SandboxTable } from "./SandboxTable";
import { Workers } from "./Workers";

export function Component() {
  const go = useNavigate();
  const [search, setSearch] = useSearchParams();
  const words = search.get("q") ?? "";
  const open = useQuery(sandboxes);
  const there = useQuery(workers);
  usePageTitle("Sandboxes");
  const items = useMemo(() => open.data?.items ?? [], [open.data]);
  const shown = useMemo(() => filterSandboxes(items, words), [items, words]);
  const machines = useMemo(() => machinesOf(words ? [] : (there.data?.items ?? []), shown), [there.data, shown, words]);
  // While words narrow the list, only machines of what is left are shown, with all that is known of them.
  const full = useMemo(() => (words ? machines.map((one) => ({ ...one, workers: there.data?.items.filter((worker) => worker.host === one.host) ?? [] })) : machines), [machines, words, there.data]);
  const rows = useMemo(() => full.flatMap((machine) => machine.sandboxes), [full]);
  const moving = useRows({ rows, keyOf: (row) => row.id, peekOf: (row) => `sandbox:${row.id}`, onOpen: (row) => void go(`/sandboxes/${encodeURIComponent(row.id)}`) });
  useKeys({ "/": () => document.querySelector<HTMLElement>("#sandbox-search")?.focus() });
  const set = (value: string | null) => setSearch((before) => {
    const after = new URLSearchParams(before);
    if (value) after.set("q", value); else after.delete("q");
    return after;
  }, { replace: true, flushSync: true });
  const hosts = new Set([...(there.data?.items ?? []).map((worker) => worker.host), ...items.map((item) => item.host)]).size;
  const failed = open.isError && !open.data ? open : there.isError && !there.data ? there : null;
  return (
    <>
      <div className="ph">
        <div>
          <PageHeading>{open.data ? (items.length === 0 ? "No sandbox is open" : `${plural(items.length, "sandbox", "sandboxes")} open on ${plural(new Set(items.map((item) => item.host)).size, "machine")}`) : "Sandboxes"}</PageHeading>
          <p>{there.data ? (hosts === 0 ? "No worker is connected." : `${plural(there.data.items.length, "worker")} on ${plural(hosts, "machine")}. One is made for each attempt and removed when that ends.`) : "\u00a0"}</p>
        </div>
      </div>
      <div className="fbar">
        <div style={{ position: "relative", display: "flex", alignItems: "center" }}>
          <Search size={13} style={{ position: "absolute", left: 9, color: "var(--fg-3)" }} aria-hidden="true" />
          <input id="sandbox-search" className="inp" style={{ paddingLeft: 28 }} type="search" placeholder="Task, agent, machine, level" aria-label="Search sandboxes" value={words} onChange={(event) => set(event.target.value || null)} />
        </div>
      </div>
      {failed ? <ErrorState what="The sandboxes could not be loaded" error={failed.error} retry={() => void failed.refetch()} />
        : !open.data || !there.data ? <div className="tblw card"><Skeleton rows={8} /></div>
        : words && shown.length === 0 ? <EmptyState title="No sandboxes match" action={<button type="button" className="btn" onClick={() => set(null)}>Clear the filter</button>}>The filter is “{words}”.</EmptyState>
        : full.length === 0 ? <EmptyState title="No machine is connected">A worker brings its machine along. Start one with <code className="mono">muster worker start</code> on any host that reaches this server; what it runs appears here.</EmptyState>
        : <SandboxTable machines={full} {...moving} />}
      {there.data && there.data.items.length > 0 && !words ? <Workers workers={there.data.items} /> : null}
    </>
  );
}
