import { useQuery } from "@tanstack/react-query";
import { Ellipsis, GripVertical } from "lucide-react";
import { useRef, useState } from "react";
import { Link } from "react-router";
import { answer, api } from "@/api/client";
import type { TaskRow } from "@/api/types";
import { Dialog } from "@/components/Dialog";
import { Select } from "@/components/fields";
import { type Edge, useDraggable, useDropTarget } from "@/components/drag";
import { Menu } from "@/components/Menu";
import { Priority } from "@/components/Priority";
import { StateGlyph } from "@/components/StateGlyph";
import { TimeAgo } from "@/components/TimeAgo";
import { useAct } from "@/components/useAct";
import { cx } from "@/lib/cx";
import { cost, shortId } from "@/lib/format";
import { visible } from "@/lib/visible";
import { queueList } from "./queries";

interface Props {
  row: TaskRow;
  position: number;
  online: boolean;
  onOpen: () => void;
  onDrop: (task: string, edge: Edge) => void;
  onStep: (by: number) => void;
  onFirst?: () => void;
  onLast?: () => void;
  /** Nothing stands behind it. */
  end: boolean;
}

/** A place in line. */
export function LineRow({ row, position, online, onOpen, onDrop, onStep, onFirst, onLast, end }: Props) {
  const ref = useRef<HTMLLIElement>(null);
  const [elsewhere, setElsewhere] = useState(false);
  const dragging = useDraggable(ref, row.id, undefined, online);
  const over = useDropTarget(ref, onDrop);
  const path = { params: { path: { task_id: row.id } } };
  const cancel = useAct(() => answer(api.POST("/api/v1/tasks/{task_id}/cancel", { ...path, body: { reason: "" } })), { failed: "Not cancelled", said: "Cancelled: it is in the queue's history" });
  return (
    <li
      ref={ref} tabIndex={0} data-line={row.id} className={cx(dragging && "drag", over && over.task !== row.id && `over-${over.edge}`)}
      onKeyDown={(event) => {
        if (event.target !== ref.current) return;
        if (event.key === "Enter") onOpen();
        if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
          event.preventDefault();
          onStep(event.key === "ArrowUp" ? -1 : 1);
        }
      }}
    >
      <GripVertical size={14} className="grip" aria-hidden="true" />
      <span className="num pos">{position}</span>
      <StateGlyph state="queued" />
      <span className="cut what"><Link to={`/tasks/${row.id}`} tabIndex={-1}><span className="ref mono" title={row.id}>{shortId(row.id)}</span>{row.title}</Link>{row.waiting ? <span className="mut"> · {visible(row.waiting.message)}</span> : null}</span>
      <Priority value={row.priority} />
      <span className="num sub low1 est">{row.estimated_cost_usd > 0 ? `est ${cost(row.estimated_cost_usd)}` : ""}</span>
      <span className="num sub low1 age"><TimeAgo at={row.created_at} /></span>
      <Menu
        trigger={<button type="button" className="ib" aria-label={`Actions for ${row.title}`} disabled={!online}><Ellipsis size={14} /></button>}
        items={[
          { label: "First in line", run: onFirst, disabled: !onFirst },
          { label: "Earlier", run: () => onStep(-1), disabled: !onFirst },
          { label: "Later", run: () => onStep(1), disabled: end },
          { label: "Last in line", run: onLast, disabled: !onLast },
          null,
          { label: "Move to another queue…", run: () => setElsewhere(true) },
          { label: "Cancel", run: () => cancel.mutate(), danger: true },
        ]}
      />
      {elsewhere ? <Elsewhere row={row} onClose={() => setElsewhere(false)} /> : null}
    </li>
  );
}

function Elsewhere({ row, onClose }: { row: TaskRow; onClose: () => void }) {
  const others = useQuery(queueList(false)).data?.items.filter((queue) => queue.id !== row.queue_id) ?? [];
  const [chosen, setChosen] = useState("");
  const to = chosen || others[0]?.id || "";
  const move = useAct(
    () => answer(api.PATCH("/api/v1/tasks/{task_id}", { params: { path: { task_id: row.id } }, body: { queue: to } })),
    { failed: "Not moved", said: (task) => `It waits in ${task.queue} now`, then: onClose },
  );
  return (
    <Dialog title="Move to another queue" onClose={onClose}>
      <p className="sub">{row.title}</p>
      <Select id="to-queue" label="Queue" value={to} options={others.map((queue) => [queue.id, queue.name])} onChange={setChosen} />
      <div className="b">
        <button type="button" className="btn" onClick={onClose}>Keep it here</button>
        <button type="button" className="btn p" disabled={!to || move.isPending} onClick={() => move.mutate()}>Move the task</button>
      </div>
    </Dialog>
  );
}
