import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { lazy, Suspense, useRef, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { overview, projects, queues } from "@/api/queries";
import type { TaskRow } from "@/api/types";
import { Dialog } from "@/components/Dialog";
import { type Edge, useDraggedTask } from "@/components/drag";
import { PageHeading, usePageTitle } from "@/components/Page";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { say } from "@/components/toasts";
import { plural } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { useOnline } from "@/live/live";
import { Bin } from "./Bin";
import { type Column, columnsOf, type Grouping, GROUPINGS, placeOf, type Target, verdict } from "./board";
import { BoardColumn } from "./BoardColumn";
import { useBoard, useDrop } from "./boardData";
import { ViewSwitch } from "./ViewSwitch";

const MoveTo = lazy(() => import("./MoveTo"));

export default function Board() {
  const go = useNavigate();
  const online = useOnline();
  const [search, setSearch] = useSearchParams();
  const by = (GROUPINGS.find(([key]) => key === search.get("group"))?.[0] ?? "state") as Grouping;
  const words = search.get("q") ?? "";
  const board = useBoard(search.get("project") ?? undefined, search.get("queue") ?? undefined, words);
  const figures = useQuery(overview).data;
  const known = useQuery(projects).data?.items ?? [];
  const lines = useQuery(queues).data?.items ?? [];
  const drop = useDrop();
  const dragged = useDraggedTask();
  const told = useRef<HTMLParagraphElement>(null);
  const [moving, setMoving] = useState<TaskRow | null>(null);
  const [cancelling, setCancelling] = useState<TaskRow | null>(null);
  usePageTitle("Board");
  const named = by === "project" ? known : by === "queue" ? lines.filter((queue) => queue.status === "active") : [];
  const columns = columnsOf(board.tasks, by, board.asked, named);
  // Nothing moves below the pointer while something is dragged.
  const held = useRef(columns);
  if (!dragged) held.current = columns;
  const shown = held.current;
  const set = (name: string, value: string) => setSearch((before) => {
    const after = new URLSearchParams(before);
    if (value) after.set(name, value); else after.delete(name);
    return after;
  }, { replace: name === "q", flushSync: name === "q" });
  const find = (id: string) => board.tasks.find((task) => task.id === id);
  const put = (id: string, target: Target, beside?: { task: TaskRow; edge: Edge }) => {
    const task = find(id);
    if (!task) return;
    const what = verdict(task, placeOf(task, board.asked), target, beside);
    const tell = (text: string) => { if (told.current) told.current.textContent = text; };
    if ("refused" in what) { say(`Not moved. ${what.refused}`); tell(what.refused); return; }
    if (!online) { say("Not connected: nothing can be moved now."); return; }
    tell(`${task.title}: ${what.says}`);
    if (what.does === "cancel") setCancelling(task); else drop.run(task, what);
  };
  const focused = () => find(document.activeElement?.closest<HTMLElement>("[data-card]")?.dataset.card ?? "");
  const walk = (across: number, along: number) => {
    const at = document.activeElement?.closest<HTMLElement>("[data-card]");
    const all = [...document.querySelectorAll<HTMLElement>(".bd-col")].map((column) => [...column.querySelectorAll<HTMLElement>("[data-card]")]).filter((cards) => cards.length > 0);
    const column = Math.max(all.findIndex((cards) => at && cards.includes(at)), 0);
    const row = at ? all[column]?.indexOf(at) ?? 0 : -along;
    const next = all[Math.min(Math.max(column + across, 0), all.length - 1)];
    next?.[Math.min(Math.max(row + along, 0), next.length - 1)]?.focus();
  };
  const finished = () => { const task = focused(); if (task) put(task.id, { kind: "place", place: "archive" }); };
  useKeys({ j: () => walk(0, 1), k: () => walk(0, -1), ArrowDown: () => walk(0, 1), ArrowUp: () => walk(0, -1), ArrowRight: () => walk(1, 0), ArrowLeft: () => walk(-1, 0), m: () => setMoving(focused() ?? null), e: finished, "/": () => document.querySelector<HTMLElement>("#board-search")?.focus() });
  const step = (task: TaskRow, column: Column, by: number) => {
    const line = column.cards.filter((one) => one.queue_id === task.queue_id && placeOf(one, board.asked) === "queued");
    const beside = line[line.indexOf(task) + by];
    if (placeOf(task, board.asked) !== "queued" || !beside) { say(beside ? "Only waiting tasks have an order." : by < 0 ? "It is the first." : "It is the last."); return; }
    put(task.id, { kind: "place", place: "queued" }, { task: beside, edge: by < 0 ? "before" : "after" });
  };
  const filtered = search.get("project") ?? search.get("queue") ?? search.get("q");
  return (
    <>
      <div className="ph">
        <div>
          <PageHeading>{figures ? `${plural(figures.open, "task")} open` : "Tasks"}</PageHeading>
          <p>Drag a card, or press m on it, to say what becomes of a task.</p>
        </div>
        <div className="r">
          <ViewSwitch />
          <input id="board-search" className="inp" style={{ width: 150, height: 28 }} type="search" placeholder="Words of tasks" aria-label="Search the board" value={words} onChange={(event) => set("q", event.target.value)} />
          <label className="pl-pick">Project<select className="inp" value={search.get("project") ?? ""} onChange={(event) => set("project", event.target.value)}><option value="">All</option>{known.map((one) => <option key={one.id} value={one.id}>{one.name}</option>)}</select></label>
          <label className="pl-pick">Group<select className="inp" value={by} onChange={(event) => set("group", event.target.value === "state" ? "" : event.target.value)}>{GROUPINGS.map(([key, label]) => <option key={key} value={key}>{label}</option>)}</select></label>
          <Link className="btn p" to="/tasks/new"><Plus size={13} />New task</Link>
        </div>
      </div>
      <p className="sr" role="status" ref={told} />
      {board.error ? <ErrorState what="The board could not be loaded" error={board.error} retry={board.refetch} />
        : board.loading ? <Skeleton rows={8} height={48} />
        : board.tasks.length === 0 && by === "state" ? (
          filtered ? <EmptyState title="No tasks match" action={<button type="button" className="btn" onClick={() => setSearch({ view: "board" })}>Clear the filters</button>}>Only tasks that are open or ended today are on the board.</EmptyState>
            : <EmptyState title="Nothing on the board" action={<Link className="btn p" to="/tasks/new">New task</Link>}>Open tasks and those that ended today are shown here, by where they stand.</EmptyState>
        ) : (
          <div className="bd" role="group" aria-label="Board">
            {shown.map((column) => (
              <BoardColumn
                key={column.key} column={column} by={by} asked={board.asked} busy={drop.busy} more={by === "state" && board.more[column.key as keyof typeof board.more]} filtered={filtered !== null} dragged={dragged ? find(dragged) : undefined}
                onDrop={put} onOpen={(task) => void go(`/tasks/${task.id}`)} onMove={setMoving} onStep={(task, way) => step(task, column, way)}
              />
            ))}
          </div>
        )}
      <Bin dragged={dragged ? find(dragged) : undefined} asked={board.asked} onDrop={put} />
      {moving ? <Suspense fallback={null}><MoveTo task={moving} columns={shown} asked={board.asked} onChoose={(target) => { setMoving(null); put(moving.id, target); }} onClose={() => setMoving(null)} /></Suspense> : null}
      {cancelling ? (
        <Dialog title="Cancel this task?" onClose={() => setCancelling(null)}>
          <p>{cancelling.state === "running" ? "What runs stops now. Its branch, changed files, output and conversation stay." : "It will not be started. You can run it again later."}</p>
          <div className="b">
            <button type="button" className="btn" onClick={() => setCancelling(null)}>Keep it</button>
            <button type="button" className="btn x" onClick={() => { setCancelling(null); drop.run(cancelling, { does: "cancel", says: "Cancelled" }); }}>Cancel the task</button>
          </div>
        </Dialog>
      ) : null}
    </>
  );
}
