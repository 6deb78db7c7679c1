import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { answer, api } from "@/api/client";
import { projects } from "@/api/queries";
import type { Session } from "@/api/types";
import { Dialog } from "@/components/Dialog";
import { Field, Select, Text } from "@/components/fields";
import { PageHeading, usePageTitle } from "@/components/Page";
import { SessionRows } from "@/components/SessionRows";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { useAct } from "@/components/useAct";
import { plural } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { useOnline } from "@/live/live";

const VIEWS: [string, string][] = [["", "All"], ["active", "Active"], ["ended", "Ended"]];

export function Component() {
  const go = useNavigate();
  const [search, setSearch] = useSearchParams();
  const status = search.get("status") ?? "";
  const list = useInfiniteQuery({
    queryKey: ["sessions", "list", status],
    queryFn: ({ pageParam }) => answer(api.GET("/api/v1/sessions", { params: { query: { status: (status || undefined) as Session["status"] | undefined, limit: 100, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (before) => before,
  });
  usePageTitle("Sessions");
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const active = rows.filter((row) => row.status === "active").length;
  const set = (values: Record<string, string | null>) => setSearch((before) => {
    const after = new URLSearchParams(before);
    for (const [name, value] of Object.entries(values)) if (value) after.set(name, value); else after.delete(name);
    return after;
  });
  const walk = (by: number) => {
    const all = [...document.querySelectorAll<HTMLElement>("[data-session]")];
    const at = all.findIndex((row) => row.contains(document.activeElement));
    all[Math.min(Math.max(at + by, 0), all.length - 1)]?.querySelector("a")?.focus();
  };
  useKeys({ j: () => walk(1), k: () => walk(-1), ArrowDown: () => walk(1), ArrowUp: () => walk(-1) });
  const begin = <button type="button" className="btn p" onClick={() => set({ new: "1" })}><Plus size={13} />Begin a session</button>;
  return (
    <>
      <div className="ph">
        <div><PageHeading>{list.data && !status ? (active > 0 ? `${plural(active, "session")} under way` : "No session under way") : "Work sessions"}</PageHeading><p>A session is a named stretch of work: it groups tasks and carries context to them.</p></div>
        <div className="r">
          <div className="seg" role="group" aria-label="Status">{VIEWS.map(([key, label]) => <button key={key} type="button" aria-pressed={status === key} onClick={() => set({ status: key || null })}>{label}</button>)}</div>
          {begin}
        </div>
      </div>
      {list.isError && !list.data ? <ErrorState what="The sessions could not be loaded" error={list.error} retry={() => void list.refetch()} />
        : !list.data ? <div className="tblw card"><Skeleton rows={6} /></div>
        : rows.length === 0 ? (
          status ? <EmptyState title="No sessions match" action={<button type="button" className="btn" onClick={() => set({ status: null })}>Clear the filter</button>}>Status: {status}</EmptyState>
            : <EmptyState title="No work sessions yet" action={begin}>Begin one before a stretch of work; tasks that are queued in it find each other, and what you note is carried to them.</EmptyState>
        ) : (
          <>
            <SessionRows rows={rows} />
            {list.hasNextPage ? <p className="note"><button type="button" className="btn" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more</button></p> : null}
          </>
        )}
      {search.get("new") ? <Begin project={search.get("project") ?? ""} onClose={() => set({ new: null, project: null })} onMade={(made) => void go(`/sessions/${made.id}`)} /> : null}
    </>
  );
}

function Begin({ project, onClose, onMade }: { project: string; onClose: () => void; onMade: (session: Session) => void }) {
  const online = useOnline();
  const known = useQuery(projects).data?.items ?? [];
  const [name, setName] = useState("");
  const [context, setContext] = useState("");
  const [place, setPlace] = useState(project);
  const [touched, setTouched] = useState(false);
  const bad = touched && !name.trim() ? "It needs a name." : "";
  const make = useAct(() => answer(api.POST("/api/v1/sessions", { body: { name: name.trim(), context, project_id: place || null } })), { failed: "Not begun", said: "The session is under way", then: (made) => onMade(made) });
  return (
    <Dialog title="Begin a session" onClose={onClose}>
      <form className="pl-form" noValidate onSubmit={(event) => { event.preventDefault(); setTouched(true); if (name.trim() && online) make.mutate(); }}>
        <Field id="session-name" label="Name" problem={bad}><Text id="session-name" value={name} onChange={setName} bad={bad} placeholder="refactor the parser" /></Field>
        <Select id="session-project" label="Project" value={place} options={[["", "None"], ...known.map((one): [string, string] => [one.id, one.name])]} onChange={setPlace} />
        <Field id="session-context" label="Context" hint="What is known and decided; it can be changed until the session ends."><textarea id="session-context" className="inp" rows={5} value={context} onChange={(event) => setContext(event.target.value)} /></Field>
        <div className="b">
          <button type="button" className="btn" onClick={onClose}>Cancel</button>
          <button type="submit" className="btn p" disabled={make.isPending || !online}>Begin the session</button>
        </div>
      </form>
    </Dialog>
  );
}
