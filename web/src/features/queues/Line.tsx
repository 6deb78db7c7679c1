import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { Link, useNavigate } from "react-router";
import { answer, api } from "@/api/client";
import { useAsked } from "@/api/queries";
import type { Queue, TaskRow } from "@/api/types";
import type { Edge } from "@/components/drag";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { TaskRows } from "@/components/TaskRows";
import { say, sayFailed } from "@/components/toasts";
import { useKeys } from "@/lib/keys";
import { put } from "@/lib/line";
import { useOnline } from "@/live/live";
import { LineRow } from "./LineRow";
import { line, runningOf } from "./queries";

/** Waiting tasks in their order, which dragging and Alt with an arrow change; those that run stand above. */
export function Line({ queue }: { queue: Queue }) {
  const go = useNavigate();
  const queries = useQueryClient();
  const asked = useAsked();
  const online = useOnline();
  const told = useRef<HTMLParagraphElement>(null);
  const inTurn = useRef(Promise.resolve());
  const running = useQuery(runningOf(queue.id)).data?.items ?? [];
  const list = useInfiniteQuery(line(queue.id));
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const tell = (text: string) => { if (told.current) told.current.textContent = text; };
  const key = line(queue.id).queryKey;
  const rowsNow = () => queries.getQueryData(key)?.pages.flatMap((page) => page.items) ?? [];
  const moveNow = async (task: string, beside: string, edge: Edge) => {
    await queries.cancelQueries({ queryKey: key });
    const before = queries.getQueryData(key);
    const rows = rowsNow();
    const after = put(rows, task, beside, edge);
    if (after === rows) return;
    queries.setQueryData(key, (data) => data && { ...data, pages: data.pages.map((page, index) => ({ ...page, items: index === 0 ? after : [] })) });
    try {
      await answer(api.POST("/api/v1/tasks/{task_id}/move", { params: { path: { task_id: task } }, body: edge === "before" ? { before: beside } : { after: beside } }));
      const moved = after.find((row) => row.id === task);
      const was = rows.find((row) => row.id === task);
      tell(`${moved?.title}: position ${after.findIndex((row) => row.id === task) + 1} of ${after.length}`);
      if (moved?.priority !== was?.priority) say(`It has ${moved?.priority} priority now, like what it stands beside`);
    } catch (error) {
      queries.setQueryData(key, before);
      sayFailed("Not moved", error);
    }
    await queries.invalidateQueries({ queryKey: ["tasks"] });
  };
  /** One after the other: none is lost because another is still on its way. */
  const next = (change: () => Promise<void>) => {
    if (online) inTurn.current = inTurn.current.then(change);
  };
  const move = (task: string, beside: string, edge: Edge) => next(() => moveNow(task, beside, edge));
  const step = (task: TaskRow, by: number) => next(async () => {
    const rows = rowsNow();
    const beside = rows[rows.findIndex((row) => row.id === task.id) + by];
    if (!beside) return tell(by < 0 ? "It is the first." : "It is the last.");
    await moveNow(task.id, beside.id, by < 0 ? "before" : "after");
    document.querySelector<HTMLElement>(`[data-line="${task.id}"]`)?.focus();
  });
  const walk = (by: number) => {
    const all = [...document.querySelectorAll<HTMLElement>(".pl-card [data-taskrow] .second a, [data-line]")];
    all[Math.min(Math.max(all.indexOf(document.activeElement as HTMLElement) + by, 0), all.length - 1)]?.focus();
  };
  useKeys({ j: () => walk(1), k: () => walk(-1), ArrowDown: () => walk(1), ArrowUp: () => walk(-1) });
  if (list.isError && !list.data) return <ErrorState what="The tasks could not be loaded" error={list.error} retry={() => void list.refetch()} />;
  if (!list.data) return <Skeleton rows={8} />;
  const first = rows[0];
  const last = rows.at(-1);
  return (
    <>
      <p className="sr" role="status" ref={told} />
      {running.length > 0 ? <><h3 className="sec pl-sec">Running <span className="mut">{running.length}</span></h3><TaskRows rows={running} asked={asked} label="Running tasks" queue={false} keys={false} /></> : null}
      {rows.length === 0 ? (
        running.length === 0 ? <EmptyState title="Nothing waits here" action={<Link className="btn p" to={`/tasks/new?queue=${encodeURIComponent(queue.name)}`}>New task in this queue</Link>}>{queue.status === "archived" ? "An archived queue takes no tasks." : "Tasks that are queued here stand in line until somebody takes them."}</EmptyState>
          : <p className="pr pl-pad">Nothing else waits here.</p>
      ) : (
        <>
          <h3 className="sec pl-sec">Next <span className="mut hint">drag, or Alt with an arrow, to change the order</span></h3>
          <ol className="pl-line" aria-label="Waiting tasks, in order">
            {rows.map((row, index) => (
              <LineRow
                key={row.id} row={row} end={row === last} position={index + 1} online={online}
                onOpen={() => void go(`/tasks/${row.id}`)} onDrop={(task, edge) => move(task, row.id, edge)} onStep={(by) => step(row, by)}
                onFirst={first && first !== row ? () => move(row.id, first.id, "before") : undefined}
                onLast={last && last !== row && !list.hasNextPage ? () => move(row.id, last.id, "after") : undefined}
              />
            ))}
          </ol>
          {list.hasNextPage ? <p className="note"><button type="button" className="btn" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more</button></p> : null}
        </>
      )}
    </>
  );
}
