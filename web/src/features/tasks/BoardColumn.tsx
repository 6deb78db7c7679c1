import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";
import { Link } from "react-router";
import type { Approval, TaskRow } from "@/api/types";
import { type Edge, useDropTarget } from "@/components/drag";
import { StateGlyph } from "@/components/StateGlyph";
import { cx } from "@/lib/cx";
import { count } from "@/lib/format";
import type { Shown } from "@/lib/states";
import { BoardCard } from "./BoardCard";
import { type Column, type Grouping, placeOf, type Target, verdict } from "./board";

const GLYPHS: Record<string, Shown> = { queued: "queued", running: "running", waiting: "waiting", review: "waiting" };
const BEHIND: Record<string, string> = { queued: "/tasks?state=queued", running: "/tasks?state=running", waiting: "/inbox", review: "/tasks?state=review" };

/** Longer columns are windowed. */
const LONG = 60;
const CARD = 76;
const GAP = 6;

interface Props {
  column: Column;
  by: Grouping;
  asked: ReadonlyMap<string, Approval>;
  busy: ReadonlySet<string>;
  /** There are more than are shown. */
  more: boolean;
  /** Only a part of all tasks is on the board. */
  filtered: boolean;
  dragged: TaskRow | undefined;
  onDrop: (id: string, target: Target, beside?: { task: TaskRow; edge: Edge }) => void;
  onOpen: (task: TaskRow) => void;
  onMove: (task: TaskRow) => void;
  onStep: (task: TaskRow, by: number) => void;
}

export function BoardColumn({ column, by, asked, busy, more, filtered, dragged, onDrop, onOpen, onMove, onStep }: Props) {
  const ref = useRef<HTMLElement>(null);
  const scroller = useRef<HTMLUListElement>(null);
  const long = column.cards.length > LONG;
  const slots = useVirtualizer({
    count: column.cards.length, enabled: long, getScrollElement: () => scroller.current, estimateSize: () => CARD, gap: GAP, overscan: 8,
    getItemKey: (index) => column.cards[index]?.id ?? index,
  });
  const visible = long ? slots.getVirtualItems() : [];
  const first = visible[0];
  const last = visible.at(-1);
  const shown = long ? visible.map((slot) => slot.index) : column.cards.map((_, index) => index);
  const over = useDropTarget(ref, (id) => onDrop(id, column.target));
  const note = dragged ? noteFor(dragged, column.target, asked) : null;
  const behind = by === "state" && !filtered ? BEHIND[column.key] : undefined;
  const page = by === "project" ? `/projects/${column.key}` : by === "queue" ? `/queues/${column.key}` : undefined;
  const amount = `${count(column.cards.length)}${more ? "+" : ""}`;
  return (
    <section ref={ref} className={cx("bd-col", note && (note.ok ? "yes" : "no"), over && note?.ok && "over")} aria-label={column.label}>
      <h2>
        {by === "state" && GLYPHS[column.key] ? <StateGlyph state={GLYPHS[column.key]!} label="" /> : null}{page ? <Link to={page} className="cut">{column.label}</Link> : <span className="cut">{column.label}</span>}
        {behind ? <Link to={behind} className="num mut" aria-label={`${amount} in ${column.label}`}>{amount}</Link> : <span className="num mut">{amount}</span>}
      </h2>
      <ul ref={scroller}>
        {first && first.start > 0 ? <li className="bd-gap" aria-hidden="true" style={{ height: first.start }} /> : null}
        {shown.flatMap((index) => column.cards[index] ? [{ index, task: column.cards[index] }] : []).map(({ index, task }) => (
          <BoardCard
            key={task.id} task={task} index={index} of={column.cards.length} measure={long ? slots.measureElement : undefined} place={placeOf(task, asked)} approval={asked.get(task.id)} position={by === "state" && column.key === "queued" ? index + 1 : null} busy={busy.has(task.id)}
            onDrop={(id, edge) => onDrop(id, column.target, { task, edge })} onOpen={() => onOpen(task)} onMove={() => onMove(task)} onStep={(way) => onStep(task, way)}
          />
        ))}
        {last ? <li className="bd-gap" aria-hidden="true" style={{ height: Math.max(slots.getTotalSize() - last.end, 0) }} /> : null}
        {column.cards.length === 0 ? <li className="none mut">{by === "state" && column.key === "review" ? "Finished work that nobody looked at comes here" : "Nothing"}</li> : null}
      </ul>
      {note ? <p className="bd-note">{note.text}</p> : null}
    </section>
  );
}

/** What a drop here would do, or why it does nothing. */
function noteFor(task: TaskRow, target: Target, asked: ReadonlyMap<string, Approval>): { ok: boolean; text: string } {
  const from = placeOf(task, asked);
  if (target.kind === "place" && target.place === "queued" && from === "queued") return { ok: true, text: "Beside another of its queue: changes the order" };
  const what = verdict(task, from, target);
  if ("refused" in what) return { ok: false, text: what.refused };
  return { ok: true, text: what.does === "requeue" ? "Queues it again" : what.does === "change" ? `Gives it ${target.kind === "place" ? "" : target.label}${target.kind === "priority" ? " priority" : ""}` : what.says };
}
