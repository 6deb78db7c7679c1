import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useParams } from "react-router";
import { answer, api, ApiProblem } from "@/api/client";
import { projects, useAsked } from "@/api/queries";
import type { Session } from "@/api/types";
import { Dialog } from "@/components/Dialog";
import { Field, Text } from "@/components/fields";
import { PageHeading, usePageTitle } from "@/components/Page";
import { StateChip } from "@/components/StateGlyph";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { TaskRows } from "@/components/TaskRows";
import { Elapsed, TimeAgo } from "@/components/TimeAgo";
import { useAct } from "@/components/useAct";
import { useDraft } from "@/components/useDraft";
import { useOnline } from "@/live/live";

export function Component() {
  const { id = "" } = useParams();
  const found = useQuery({
    queryKey: ["sessions", "one", id],
    queryFn: () => answer(api.GET("/api/v1/sessions/{session_id}", { params: { path: { session_id: id } } })),
  });
  usePageTitle(found.data?.name ?? "Session");
  if (found.isError && !found.data) {
    const missing = found.error instanceof ApiProblem && found.error.status === 404;
    return missing
      ? <EmptyState page title="There is no such session" action={<Link className="btn p" to="/sessions">All sessions</Link>}>Nothing has the id {id}.</EmptyState>
      : <ErrorState page what="The session could not be loaded" error={found.error} retry={() => void found.refetch()} />;
  }
  if (!found.data) return <div style={{ padding: 20 }}><Skeleton rows={8} height={40} /></div>;
  return <SessionPage session={found.data} />;
}

function SessionPage({ session }: { session: Session }) {
  const online = useOnline();
  const [ending, setEnding] = useState(false);
  const project = useQuery(projects).data?.items.find((one) => one.id === session.project_id);
  const end = useAct(() => answer(api.POST("/api/v1/sessions/{session_id}/end", { params: { path: { session_id: session.id } } })), { failed: "Not ended", said: "Ended: it takes no more tasks" });
  const active = session.status === "active";
  return (
    <>
      <div className="ph">
        <div>
          <div className="pl-title"><PageHeading>{session.name}</PageHeading>{active ? <StateChip state="running" word="Active" /> : <StateChip state="archived" word="Ended" />}</div>
          <p>
            Began <TimeAgo at={session.created_at} />, {active ? "so far " : "lasted "}<Elapsed since={session.created_at} until={session.ended_at} />
            {session.project_id ? <> · <Link to={`/projects/${session.project_id}`} className="underline">{project?.name ?? "its project"}</Link></> : null}
          </p>
        </div>
        {active ? <div className="r"><button type="button" className="btn d" disabled={!online || end.isPending} onClick={() => setEnding(true)}>End the session</button></div> : null}
      </div>
      <div className="pl-two wide">
        <Tasks session={session} />
        <Context key={session.id} session={session} />
      </div>
      {ending ? (
        <Dialog title="End this session?" onClose={() => setEnding(false)}>
          <p>It takes no more tasks. Those it has go on, and its context stays as it is.</p>
          <div className="b">
            <button type="button" className="btn" onClick={() => setEnding(false)}>Keep it open</button>
            <button type="button" className="btn x" onClick={() => { setEnding(false); end.mutate(); }}>End the session</button>
          </div>
        </Dialog>
      ) : null}
    </>
  );
}

function Tasks({ session }: { session: Session }) {
  const asked = useAsked();
  const list = useInfiniteQuery({
    queryKey: ["tasks", "of session", session.id],
    queryFn: ({ pageParam }) => answer(api.GET("/api/v1/tasks", { params: { query: { session: session.id, limit: 100, cursor: pageParam } } })),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  });
  const add = session.status === "active" ? <Link className="btn p" to={`/tasks/new?session=${session.id}`}>New task in this session</Link> : undefined;
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <section aria-label="Tasks of the session" className="pl-flush">
      <h2 className="sec">Tasks <span className="mut">{list.data ? `${rows.length}${list.hasNextPage ? "+" : ""}` : ""}</span>{rows.length > 0 ? <span style={{ marginLeft: "auto" }}>{add}</span> : null}</h2>
      {list.isError && !list.data ? <ErrorState what="The tasks could not be loaded" error={list.error} retry={() => void list.refetch()} />
        : !list.data ? <Skeleton rows={5} />
        : rows.length === 0 ? <EmptyState title="No tasks in this session" action={add}>Tasks that are queued with this session are listed here.</EmptyState>
        : <><TaskRows rows={rows} asked={asked} label="Tasks of the session" />
          {list.hasNextPage ? <p className="note"><button type="button" className="btn" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more</button></p> : null}</>}
    </section>
  );
}

function Context({ session }: { session: Session }) {
  const online = useOnline();
  const draft = useDraft({ name: session.name, context: session.context });
  const { name, context } = draft.values;
  const save = useAct(
    () => answer(api.PATCH("/api/v1/sessions/{session_id}", { params: { path: { session_id: session.id } }, body: { ...(draft.changed("name") ? { name: name.trim() } : {}), ...(draft.changed("context") ? { context } : {}) } })),
    { failed: "Not saved", said: "Saved: tasks that start from now on are given it" },
  );
  const changed = draft.changed();
  if (session.status === "ended") {
    return <section className="card pl-block" aria-label="Context"><h2>Context</h2><p className={session.context ? "pl-prose" : "mut"}>{session.context || "None was kept."}</p></section>;
  }
  return (
    <section className="card pl-block" aria-label="Context">
      <h2>Context</h2>
      <form className="pl-form" noValidate onSubmit={(event) => { event.preventDefault(); if (changed && name.trim() && online) draft.saving(save.mutateAsync()); }}>
        <Field id="s-name" label="Name" problem={name.trim() ? "" : "It needs a name."}><Text id="s-name" value={name} onChange={(typed) => draft.set({ name: typed })} bad={name.trim() ? "" : "It needs a name."} /></Field>
        <Field id="s-context" label="Carried to every task" hint="What is known and decided. Agents are given it before the prompt."><textarea id="s-context" className="inp" rows={12} value={context} onChange={(event) => draft.set({ context: event.target.value })} /></Field>
        {draft.overtaken("context") ? <p className="bad" role="status">Somebody saved another context since you began. Saving replaces theirs.</p> : null}
        <div className="b"><button type="submit" className="btn p" disabled={!changed || !name.trim() || save.isPending || !online}>Save the context</button></div>
      </form>
    </section>
  );
}
