import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useEffect } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { overview } from "@/api/queries";
import type { Queue } from "@/api/types";
import { PageHeading, usePageTitle } from "@/components/Page";
import { StateGlyph } from "@/components/StateGlyph";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { cx } from "@/lib/cx";
import { count, plural } from "@/lib/format";
import { NewQueue } from "./NewQueue";
import { QueuePage } from "./QueuePage";
import { queueList, waitingIn } from "./queries";

/** Queues on the left, the tasks of one in their order on the right. */
export function Component() {
  const { id } = useParams();
  const go = useNavigate();
  const [search, setSearch] = useSearchParams();
  const archived = search.get("archived") === "1";
  const list = useQuery(queueList(false));
  const away = useQuery({ ...queueList(true), enabled: archived });
  const figures = useQuery(overview).data;
  usePageTitle("Queues");
  const shown = [...(list.data?.items ?? []), ...(archived ? (away.data?.items ?? []) : [])];
  const wide = window.innerWidth >= 768;
  const first = shown.find((one) => waitingIn(one) > 0) ?? shown[0];
  useEffect(() => {
    if (!id && wide && first) void go({ pathname: `/queues/${first.id}`, search: search.toString() }, { replace: true });
  }, [id, wide, first, go, search]);
  const set = (name: string, value: string | null) => setSearch((before) => {
    const after = new URLSearchParams(before);
    if (value) after.set(name, value); else after.delete(name);
    return after;
  });
  if (list.isError && !list.data) return <ErrorState page what="The queues could not be loaded" error={list.error} retry={() => void list.refetch()} />;
  const waiting = (list.data?.items ?? []).reduce((sum, one) => sum + waitingIn(one), 0);
  const paused = list.data?.items.filter((one) => one.paused).length ?? 0;
  return (
    <>
      <div className="ph">
        <div>
          <PageHeading>{list.data ? `${plural(waiting, "task")} in ${plural(list.data.items.length, "queue")}` : "Queues"}</PageHeading>
          <p>{paused > 0 ? `${plural(paused, "queue")} paused.` : "Tasks wait in order until somebody takes them."}</p>
        </div>
        <div className="r">
          <Link className="btn" to="/queues/dead-letters"><StateGlyph state="failed" size={12} label="" />Dead letters{figures && figures.problems > 0 ? <span className="num mut">{count(figures.problems)}</span> : null}</Link>
          <button type="button" className="btn" aria-pressed={archived} onClick={() => set("archived", archived ? null : "1")}>{archived ? "Hide archived" : "Show archived"}</button>
          <button type="button" className="btn p" onClick={() => set("new", "1")}><Plus size={13} />New queue</button>
        </div>
      </div>
      {!list.data ? <Skeleton rows={8} height={44} /> : shown.length === 0 ? (
        <EmptyState title="No queues">A queue is an ordered line of tasks with standing instructions.</EmptyState>
      ) : (
        <div className={cx("pl-split", id && "picked")}>
          <nav className="ib-list card" aria-label="Queues">
            {shown.map((one) => <Row key={one.id} queue={one} current={one.id === id || one.name === id} search={search.toString()} />)}
          </nav>
          <div className="pl-detail">{id ? <QueuePage key={id} id={id} /> : null}</div>
        </div>
      )}
      {search.get("new") ? <NewQueue onClose={() => set("new", null)} onMade={(made) => void go(`/queues/${made.id}`)} /> : null}
    </>
  );
}

function Row({ queue, current, search }: { queue: Queue; current: boolean; search: string }) {
  const waiting = waitingIn(queue);
  const running = queue.stats.running ?? 0;
  const state = queue.status === "archived" ? "archived" : queue.paused ? "paused" : running > 0 ? "running" : waiting > 0 ? "queued" : "idle";
  const kept = new URLSearchParams(search);
  kept.delete("new");
  return (
    <Link className="ib-row" to={{ pathname: `/queues/${queue.id}`, search: kept.toString() }} aria-current={current} replace>
      <StateGlyph state={state} />
      <b className="cut">{queue.name}</b>
      <span className="t">{waiting > 0 ? count(waiting) : ""}</span>
      <span className="m2 cut">{[queue.status === "archived" ? "archived" : queue.paused ? "paused" : "", `${count(waiting)} waiting`, `${count(running)} running`].filter(Boolean).join(" · ")}</span>
    </Link>
  );
}
