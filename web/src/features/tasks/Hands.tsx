import { useQuery } from "@tanstack/react-query";
import { type RefObject, useState } from "react";
import { useNavigate } from "react-router";
import { queues } from "@/api/queries";
import type { TaskRow } from "@/api/types";
import { ContextMenu } from "@/components/ContextMenu";
import { Dialog } from "@/components/Dialog";
import { Select } from "@/components/fields";
import { Dots, focusedRow, usePicking } from "@/components/RowHands";
import { say } from "@/components/toasts";
import { plural } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { NOTHING, type Picked } from "@/lib/picking";
import { usePeek } from "@/lib/usePeek";
import { visible } from "@/lib/visible";
import { useOnline } from "@/live/live";
import { able, type Act, useActs } from "./acts";

interface HandsProps {
  /** Around the rows. */
  box: RefObject<HTMLElement | null>;
  rows: TaskRow[];
  /** The row that keys are about. */
  chosen: string | null;
  picked: Picked;
  onPick: (picked: Picked) => void;
  onPeek: (row: TaskRow) => void;
}

type Asked = { what: "cancel" | "move"; tasks: TaskRow[] };
const keyOf = (row: TaskRow) => row.id;

/** What can be done with tasks of a list: a menu for one, a bar for those that are picked, keys for both. */
export default function Hands({ box, rows, chosen, picked, onPick, onPeek }: HandsProps) {
  const act = useActs();
  const online = useOnline();
  const { at: peeking } = usePeek();
  const [menu, setMenu] = useState<{ row: TaskRow; x: number; y: number } | null>(null);
  const [asked, setAsked] = useState<Asked | null>(null);
  const find = (key: string | undefined) => rows.find((row) => row.id === key);
  const open = (key: string, x: number, y: number) => { const row = find(key); if (row) setMenu({ row, x, y }); };
  const { chose, keys } = usePicking({ box, rows, keyOf, chosen, picked, onPick, onMenu: open, peeking: peeking !== null });
  const meant = () => (chose.length > 0 ? chose : [find(focusedRow() ?? chosen ?? undefined)].filter((row) => row !== undefined));
  /** What cannot be taken back, or needs more, is asked first. */
  const want = (what: Act, tasks: TaskRow[]) => {
    const those = able(what, tasks);
    if (!online || tasks.length === 0) return;
    if (those.length === 0) return say(WHY_NOT[what]);
    if (what === "cancel" || what === "move") setAsked({ what, tasks: those });
    else void act(what, those);
  };
  useKeys({ ...keys, e: () => want("archive", meant()), m: () => want("move", meant()), s: () => want("cancel", meant()), r: () => want("requeue", meant()) });
  const done = () => { setAsked(null); onPick(NOTHING); };
  return (
    <>
      <Dots box={box} name={(key) => find(key)?.title} onOpen={open} />
      {menu ? <RowMenu row={menu.row} at={menu} online={online} onClose={() => setMenu(null)} onPeek={onPeek} onWant={(what) => want(what, [menu.row])} /> : null}
      <Bar tasks={chose} online={online} onWant={(what) => want(what, chose)} onClear={() => onPick(NOTHING)} />
      {asked?.what === "cancel" ? <Cancel tasks={asked.tasks} onClose={() => setAsked(null)} onCancel={() => { void act("cancel", asked.tasks); done(); }} /> : null}
      {asked?.what === "move" ? <Move tasks={asked.tasks} onClose={() => setAsked(null)} onMove={(queue) => { void act("move", asked.tasks, queue); done(); }} /> : null}
    </>
  );
}

const WHY_NOT: Record<Act, string> = {
  archive: "Only finished tasks can be archived.", unarchive: "It is not archived.", cancel: "It has ended.", requeue: "Only what has ended can be queued again.", move: "Only what waits can be moved to another queue.", aside: "Nothing of it waits to be looked at.",
};

function RowMenu({ row, at, online, onClose, onPeek, onWant }: { row: TaskRow; at: { x: number; y: number }; online: boolean; onClose: () => void; onPeek: (row: TaskRow) => void; onWant: (what: Act) => void }) {
  const go = useNavigate();
  const item = (what: Act, label: string, danger = false) => ({ label, danger, run: () => onWant(what), disabled: !online || able(what, [row]).length === 0 });
  return (
    <ContextMenu
      label={`Actions of ${visible(row.title)}`} at={at} onClose={onClose}
      items={[
        { label: "Peek", run: () => onPeek(row) },
        { label: "Open", run: () => void go(`/tasks/${row.id}`) },
        { label: "Review diff", run: () => void go(`/tasks/${row.id}/changes`), disabled: row.kind !== "prompt" || row.attempts === 0 },
        null,
        ...(row.review === "unseen" ? [item("aside", "Set aside")] : []),
        item("requeue", "Queue again"),
        { label: "Another like it…", run: () => void go(`/tasks/new?from=${row.id}`) },
        item("move", "Move to another queue…"),
        row.archived_at === null ? item("archive", "Archive") : item("unarchive", "Bring back"),
        item("cancel", "Cancel…", true),
        null,
        { label: "Copy id", run: () => void navigator.clipboard.writeText(row.id).then(() => say("Id copied")) },
      ]}
    />
  );
}

const BUTTONS: [Act, string][] = [["aside", "Set aside"], ["requeue", "Queue again"], ["move", "Move"], ["archive", "Archive"], ["cancel", "Cancel"]];

function Bar({ tasks, online, onWant, onClear }: { tasks: TaskRow[]; online: boolean; onWant: (what: Act) => void; onClear: () => void }) {
  if (tasks.length === 0) return null;
  return (
    <div className="ib-bulk" role="region" aria-label="Selected tasks">
      <span role="status" className="num">{tasks.length} selected</span>
      {BUTTONS.map(([what, label]) => {
        const those = able(what, tasks).length;
        if (what === "aside" && those === 0) return null;
        return <button key={what} type="button" className={what === "cancel" ? "btn d" : "btn"} disabled={!online || those === 0} title={those === 0 ? WHY_NOT[what] : undefined} onClick={() => onWant(what)}>{label}{those > 0 && those < tasks.length ? <span className="num"> {those}</span> : null}</button>;
      })}
      <button type="button" className="btn g" onClick={onClear}>Clear</button>
    </div>
  );
}

function Cancel({ tasks, onClose, onCancel }: { tasks: TaskRow[]; onClose: () => void; onCancel: () => void }) {
  const running = tasks.filter((task) => task.state === "running").length;
  const one = tasks.length === 1;
  return (
    <Dialog title={one ? "Cancel this task?" : `Cancel ${tasks.length} tasks?`} onClose={onClose}>
      <p>{one ? `“${visible(tasks[0]!.title)}”: ` : ""}{running > 0 ? `What runs for ${one ? "it" : plural(running, "task")} stops now. ` : ""}{running < tasks.length ? `${one ? "It" : running > 0 ? "The others" : "They"} will not be started. ` : ""}Branches, output and conversations stay.</p>
      <div className="b">
        <button type="button" className="btn" onClick={onClose}>Keep {one ? "it" : "them"}</button>
        <button type="button" className="btn x" onClick={onCancel}>Cancel {one ? "the task" : `${tasks.length} tasks`}</button>
      </div>
    </Dialog>
  );
}

function Move({ tasks, onClose, onMove }: { tasks: TaskRow[]; onClose: () => void; onMove: (queue: string) => void }) {
  const others = useQuery(queues).data?.items.filter((queue) => queue.status === "active" && tasks.some((task) => task.queue_id !== queue.id)) ?? [];
  const [picked, setPicked] = useState("");
  const to = picked || others[0]?.id || "";
  return (
    <Dialog title={tasks.length === 1 ? "Move to another queue" : `Move ${tasks.length} tasks to another queue`} onClose={onClose}>
      <Select id="to-queue" label="Queue" value={to} options={others.map((queue) => [queue.id, queue.name])} onChange={setPicked} />
      <div className="b">
        <button type="button" className="btn" onClick={onClose}>Leave {tasks.length === 1 ? "it" : "them"}</button>
        <button type="button" className="btn p" disabled={!to} onClick={() => onMove(to)}>Move {plural(tasks.length, "task")}</button>
      </div>
    </Dialog>
  );
}
