import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Search } from "lucide-react";
import { useState } from "react";
import { Link, useSearchParams } from "react-router";
import { answer, api } from "@/api/client";
import { overview } from "@/api/queries";
import type { TaskRow } from "@/api/types";
import { PageHeading, usePageTitle } from "@/components/Page";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { say } from "@/components/toasts";
import { useAct } from "@/components/useAct";
import { count, plural } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { useOnline } from "@/live/live";
import { Letter } from "./Letter";
import { Rewrite } from "./Rewrite";

/** Tasks that failed for good: why, and what becomes of them. */
export function Component() {
  const online = useOnline();
  const [search, setSearch] = useSearchParams();
  const words = search.get("q") ?? "";
  const queue = search.get("queue") ?? undefined;
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [rewriting, setRewriting] = useState<TaskRow | null>(null);
  const figures = useQuery(overview).data;
  const filter = { state: ["failed" as const], q: words.trim() || undefined, queue, limit: 100 };
  const list = useInfiniteQuery({
    queryKey: ["tasks", "dead letters", filter],
    queryFn: ({ pageParam }) => answer(api.GET("/api/v1/tasks", { params: { query: { ...filter, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (before) => before,
  });
  usePageTitle("Dead letters");
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const picked = rows.filter((row) => chosen.has(row.id)).map((row) => row.id);
  const none = () => setChosen(new Set());
  const requeue = useAct((ids: string[]) => answer(api.POST("/api/v1/tasks/requeue", { body: { task_ids: ids, reason: "" } })), {
    failed: "Not queued again", said: (made) => `${plural(made.requeued, "task")} queued again`, then: none,
  });
  const restore = useAct(async (ids: string[]) => { for (const id of ids) await answer(api.POST("/api/v1/tasks/{task_id}/unarchive", { params: { path: { task_id: id } } })); }, { failed: "Not brought back" });
  const close = useAct((ids: string[]) => answer(api.POST("/api/v1/tasks/archive", { body: { task_ids: ids, reason: "closed" } })), {
    failed: "Not closed",
    then: (made, ids) => { none(); say(`${plural(made.archived, "task")} closed and archived`, { label: "Undo", run: () => restore.mutate(ids) }); },
  });
  const set = (name: string, value: string | null) => setSearch((before) => {
    const after = new URLSearchParams(before);
    if (value) after.set(name, value); else after.delete(name);
    return after;
  }, { replace: name === "q", flushSync: name === "q" });
  const toggle = (id: string) => setChosen((before) => { const after = new Set(before); if (!after.delete(id)) after.add(id); return after; });
  const focused = () => document.activeElement?.closest<HTMLElement>("[data-letter]")?.dataset.letter;
  const walk = (by: number) => {
    const all = [...document.querySelectorAll<HTMLElement>("[data-letter]")];
    const at = all.findIndex((row) => row.contains(document.activeElement));
    all[Math.min(Math.max(at + by, 0), all.length - 1)]?.focus();
  };
  useKeys({
    j: () => walk(1), k: () => walk(-1), ArrowDown: () => walk(1), ArrowUp: () => walk(-1), Escape: none,
    x: () => { const id = focused(); if (id) toggle(id); },
    "mod+a": () => setChosen(new Set(rows.map((row) => row.id))),
    e: () => { const id = focused(); if (id && online) close.mutate([id]); },
    "/": () => document.querySelector<HTMLElement>("#letter-search")?.focus(),
  });
  const filtered = words !== "" || queue !== undefined;
  const busy = requeue.isPending || close.isPending || !online;
  const all = rows.length > 0 && picked.length === rows.length;
  const clear = <button type="button" className="btn" onClick={() => setSearch({})}>Clear the filters</button>;
  return (
    <>
      <div className="ph">
        <div><PageHeading>{figures ? (figures.problems > 0 ? `${plural(figures.problems, "task")} failed for good` : "No task failed for good") : "Dead letters"}</PageHeading><p>{!figures ? "\u00a0" : figures.stuck === 0 ? "They block nobody." : <Link className="link" to="/tasks?stuck=1">{plural(figures.stuck, "open task")} {figures.stuck === 1 ? "waits" : "wait"} for what will not be done.</Link>} Queue what failed again, or close it.</p></div>
        <div className="r"><Link className="btn" to="/queues">Queues</Link></div>
      </div>
      <div className="fbar">
        <div style={{ position: "relative", display: "flex", alignItems: "center" }}>
          <Search size={13} style={{ position: "absolute", left: 9, color: "var(--fg-3)" }} aria-hidden="true" />
          <input id="letter-search" className="inp" style={{ paddingLeft: 28 }} type="search" placeholder="Words of tasks" aria-label="Search dead letters" value={words} onChange={(event) => set("q", event.target.value)} />
        </div>
        {queue ? <button type="button" className="chip" onClick={() => set("queue", null)} aria-label={`Queue is ${queue}; remove`}>Queue is {queue} ×</button> : null}
        {rows.length > 0 ? <label className="pl-check"><input type="checkbox" checked={all} onChange={() => setChosen(all ? new Set() : new Set(rows.map((row) => row.id)))} />All that are shown</label> : null}
      </div>
      {list.isError && !list.data ? <ErrorState what="The dead letters could not be loaded" error={list.error} retry={() => void list.refetch()} action={filtered ? clear : undefined} />
        : !list.data ? <div className="tblw card"><Skeleton rows={6} height={52} /></div>
        : rows.length === 0 ? (
          filtered ? <EmptyState title="No dead letters match" action={clear}>{[words && `Words: ${words}`, queue && `Queue: ${queue}`].filter(Boolean).join(" · ")}</EmptyState>
            : <EmptyState title="Nothing failed for good" action={<Link className="btn" to="/tasks">All tasks</Link>}>A task that used up its attempts, or that cannot work, ends here with the reason.</EmptyState>
        ) : (
          <div style={list.isPlaceholderData ? { opacity: 0.6 } : undefined}>
            <ul className="tblw card pl-letters" aria-label="Dead letters">
              {rows.map((row) => (
                <Letter key={row.id} row={row} chosen={chosen.has(row.id)} busy={busy} onToggle={() => toggle(row.id)} onQueue={() => set("queue", row.queue)}
                  onRequeue={() => requeue.mutate([row.id])} onRewrite={() => setRewriting(row)} onClose={() => close.mutate([row.id])} />
              ))}
            </ul>
            {list.hasNextPage ? <p className="note"><button type="button" className="btn" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more</button></p> : null}
          </div>
        )}
      {picked.length > 0 ? (
        <div className="pl-bulk" role="region" aria-label="What is selected">
          <b className="num">{count(picked.length)} selected</b>
          <button type="button" className="btn p" disabled={busy} onClick={() => requeue.mutate(picked)}>Queue again</button>
          <button type="button" className="btn" disabled={busy} onClick={() => close.mutate(picked)}>Close</button>
          <button type="button" className="btn g" onClick={none}>Select none</button>
        </div>
      ) : null}
      {rewriting ? <Rewrite row={rewriting} onClose={() => setRewriting(null)} /> : null}
    </>
  );
}
