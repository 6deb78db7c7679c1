import { Link } from "react-router";
import type { TaskRow } from "@/api/types";
import { AgentName } from "@/components/AgentName";
import { Blocks } from "@/components/Blocks";
import { StateChip } from "@/components/StateGlyph";
import { TimeAgo } from "@/components/TimeAgo";
import { cost, plural, shortId } from "@/lib/format";
import { seenTask } from "@/lib/states";
import { visible } from "@/lib/visible";

interface Props {
  row: TaskRow;
  chosen: boolean;
  busy: boolean;
  onToggle: () => void;
  onQueue: () => void;
  onRequeue: () => void;
  onRewrite: () => void;
  onClose: () => void;
}

/** One that failed for good, with the reason. */
export function Letter({ row, chosen, busy, onToggle, onQueue, onRequeue, onRewrite, onClose }: Props) {
  const { state, word } = seenTask(row, false);
  return (
    <li tabIndex={0} data-letter={row.id} className={chosen ? "sel" : undefined}>
      <input type="checkbox" aria-label={`Select ${row.title}`} checked={chosen} onChange={onToggle} />
      <div className="what">
        <p className="cut"><Link to={`/tasks/${row.id}`}><span className="ref mono" title={row.id}>{shortId(row.id)}</span><b>{row.title}</b></Link></p>
        <p className="why">{visible(row.error?.split("\n").slice(0, 2).join(" ") || "It did not say why.")}</p>
        <p className="mut">
          <StateChip state={state} word={word === "Failed" ? "Dead letter" : word} />
          <Link to={`/tasks/${row.id}/history`}>{plural(row.attempts, "attempt")} of {row.max_attempts}</Link>
          <button type="button" onClick={onQueue}>{row.queue}</button>
          <Blocks task={row} />
          <AgentName id={row.agent_id} />
          {row.actual_cost_usd > 0 ? <span className="num">{cost(row.actual_cost_usd)}</span> : null}
          {row.finished_at ? <TimeAgo at={row.finished_at} /> : null}
        </p>
      </div>
      <div className="acts">
        <button type="button" className="btn s" disabled={busy} onClick={onRequeue}>Queue again</button>
        <button type="button" className="btn s" disabled={busy} onClick={onRewrite}>Edit and queue…</button>
        <button type="button" className="btn s g" disabled={busy} onClick={onClose}>Close</button>
      </div>
    </li>
  );
}
