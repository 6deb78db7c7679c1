import { Ellipsis } from "lucide-react";
import { useEffect, useRef } from "react";
import { Link } from "react-router";
import type { Approval, TaskRow } from "@/api/types";
import { AgentName } from "@/components/AgentName";
import { type Edge, useDraggable, useDropTarget } from "@/components/drag";
import { Priority } from "@/components/Priority";
import { StateGlyph } from "@/components/StateGlyph";
import { Countdown, Elapsed } from "@/components/TimeAgo";
import { cx } from "@/lib/cx";
import { cost, shortId } from "@/lib/format";
import { seenTask } from "@/lib/states";
import { visible } from "@/lib/visible";
import type { Place } from "./board";

interface Props {
  task: TaskRow;
  place: Place;
  approval: Approval | undefined;
  position: number | null;
  index: number;
  /** Of how many, which need not all be made. */
  of: number;
  /** Tells a windowed column how high it is. */
  measure?: (element: HTMLElement | null) => void;
  busy: boolean;
  onDrop: (id: string, edge: Edge) => void;
  onOpen: () => void;
  onMove: () => void;
  onStep: (by: number) => void;
}

/** Three lines at most: what it is, its title, one fact. */
export function BoardCard({ task, place, approval, position, index, of, measure, busy, onDrop, onOpen, onMove, onStep }: Props) {
  const ref = useRef<HTMLLIElement>(null);
  useEffect(() => measure?.(ref.current), [measure]);
  const dragging = useDraggable(ref, task.id, undefined, !busy);
  const over = useDropTarget(ref, onDrop);
  const { state, word } = seenTask(task, approval !== undefined);
  return (
    <li
      ref={ref} tabIndex={0} data-card={task.id} data-index={index} aria-setsize={of} aria-posinset={index + 1} aria-label={`${task.title}, ${word}`} className={cx("bd-card", dragging && "drag", busy && "busy", over && over.task !== task.id && place === "queued" && `over-${over.edge}`)}
      onClick={(event) => !(event.target as Element).closest("a, button") && onOpen()}
      onKeyDown={(event) => {
        if (event.target !== ref.current) return;
        if (event.key === "Enter") onOpen();
        if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
          event.preventDefault();
          onStep(event.key === "ArrowUp" ? -1 : 1);
        }
      }}
    >
      <p className="hd3">
        <StateGlyph state={state} label={word} /><span className="ref mono" title={task.id}>{shortId(task.id)}</span>
        {approval?.expires_at ? <span className="t"><Countdown until={approval.expires_at} /></span> : null}
        <Priority value={task.priority} />
        <button type="button" className="ib" aria-label={`Move ${task.title} to…`} onClick={onMove}><Ellipsis size={13} /></button>
      </p>
      <p className="ttl2">{task.title}</p>
      <p className="fact2"><Fact task={task} place={place} approval={approval} position={position} /></p>
    </li>
  );
}

function Fact({ task, place, approval, position }: Pick<Props, "task" | "place" | "approval" | "position">) {
  switch (place) {
    case "queued":
      return <>{position ? <span className="num">#{position}</span> : null}{task.estimated_cost_usd > 0 ? <span className="num">est {cost(task.estimated_cost_usd)}</span> : null}<span className="cut">{task.waiting && task.state !== "ready" ? visible(task.waiting.message) : task.queue}</span></>;
    case "waiting":
      return <><span className="cut"><AgentName id={task.agent_id} /></span><Link className="btn s" to={`/inbox/${approval?.id}`}>Review</Link></>;
    case "running":
      return <><span className="cut"><AgentName id={task.agent_id} /></span>{task.started_at ? <span className="num"><Elapsed since={task.started_at} /></span> : null}{task.actual_cost_usd > 0 ? <span className="num">{cost(task.actual_cost_usd)}</span> : null}</>;
    case "review":
      return <><span className="cut"><AgentName id={task.agent_id} /></span><span className="num">{cost(task.actual_cost_usd)}</span><Link className="btn s" to={`/tasks/${task.id}/changes`}>Review</Link></>;
    default:
      return task.state === "failed" ? <span className="cut">{visible(task.error?.split("\n")[0] ?? "It did not say why.")}</span>
        : <>{task.started_at ? <span className="num"><Elapsed since={task.started_at} until={task.finished_at} /></span> : null}<span className="num">{cost(task.actual_cost_usd)}</span>{task.kind === "prompt" ? <Link to={`/tasks/${task.id}/changes`} className="underline">Diff</Link> : null}</>;
  }
}
