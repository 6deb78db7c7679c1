import { Link } from "react-router";
import { AgentName } from "@/components/AgentName";
import { RiskWord } from "@/components/decision/RiskWord";
import { useHeld } from "@/components/decision/held";
import { StateGlyph } from "@/components/StateGlyph";
import { Countdown, TimeAgo } from "@/components/TimeAgo";
import { cx } from "@/lib/cx";
import { plural } from "@/lib/format";
import { visible } from "@/lib/visible";
import type { Item } from "./items";

interface RowProps {
  item: Item;
  current: boolean;
  query: string;
  selected: boolean;
  /** It belongs here no longer. */
  gone: boolean;
  onSelect: () => void;
}

/** One line of the list: state, title, who asks, kind, risk word, timer. Low risk can be selected. */
export function Row({ item, current, query, selected, gone, onSelect }: RowProps) {
  const { approval, task } = item;
  const held = useHeld((all) => all[item.id] !== undefined);
  const low = item.kind === "permission" && approval?.risk?.level === "low";
  const title = visible(approval?.title ?? task?.title ?? "");
  return (
    <div className={cx("ib-item", (held || gone) && "held")} data-row={item.id}>
      {low && !gone ? <input type="checkbox" className="ib-check" checked={selected} onChange={onSelect} aria-label={`Select ${title}`} /> : null}
      <Link className="ib-row" to={`/inbox/${item.id}${query}`} aria-current={current} replace>
        <StateGlyph state={item.kind === "problem" ? (task?.waiting ? "queued" : "failed") : item.kind === "expired" ? "cancelled" : "waiting"} />
        <b className="cut">{title}</b>
        <span className="t">{when(item)}</span>
        <span className="m2 cut">
          {approval ? <>{held ? "approved, not sent yet" : <>{approval.agent ?? <AgentName id={approval.agent_id} />} · {approval.task}</>}</> : task?.waiting ? <>stuck · {task.waiting.message}</> : <>failed · {task?.blocks ? `blocks ${plural(task.blocks, "task")} · ` : ""}{visible(task?.error ?? "no reason given")}</>}
        </span>
        <span className="m3">{item.kind === "expired" ? "expired" : item.kind === "question" ? "question" : approval?.risk ? <RiskWord risk={approval.risk} /> : null}</span>
      </Link>
    </div>
  );
}

function when({ kind, approval, task }: Item) {
  if (kind === "expired") return approval?.finished_at ? <TimeAgo at={approval.finished_at} /> : null;
  if (approval) return approval.expires_at ? <Countdown until={approval.expires_at} /> : <TimeAgo at={approval.created_at} />;
  return task?.waiting ? <TimeAgo at={task.created_at} /> : task?.finished_at ? <TimeAgo at={task.finished_at} /> : null;
}
