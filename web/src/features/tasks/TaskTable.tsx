import { memo, useRef } from "react";
import { Link } from "react-router";
import type { TaskRow } from "@/api/types";
import { AgentName } from "@/components/AgentName";
import { Cost } from "@/components/Cost";
import { StateGlyph } from "@/components/StateGlyph";
import { TimeAgo, Took } from "@/components/TimeAgo";
import { visible } from "@/lib/visible";
import { shortId } from "@/lib/format";
import { cx } from "@/lib/cx";
import { seenTask } from "@/lib/states";
import { type RowHandlers, rowProps } from "@/lib/usePeek";
import { FEW, rowHeight, useWindow } from "@/lib/useWindow";

interface TableProps {
  rows: TaskRow[];
  asked: Set<string>;
  chosen: string | null;
  picked: ReadonlySet<string>;
  handlers: RowHandlers<TaskRow>;
}

export default function TaskTable({ rows, asked, chosen, picked, handlers }: TableProps) {
  const box = useRef<HTMLDivElement>(null);
  const { from, to, above, below } = useWindow(rows.length, box, rowHeight, FEW);
  return (
    <div className="tblw card" ref={box}>
      <table className="tbl two" aria-label="Tasks" aria-rowcount={rows.length + 1}>
        <colgroup>
          <col style={{ width: 132 }} /><col /><col className="low2" style={{ width: "11%" }} /><col className="low1" style={{ width: "11%" }} /><col className="low2" style={{ width: "12%" }} />
          <col style={{ width: 84 }} /><col style={{ width: 92 }} /><col className="low1" style={{ width: 128 }} />
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col">State</th><th scope="col">Task</th><th scope="col" className="low2">Project</th><th scope="col" className="low1">Queue</th><th scope="col" className="low2">Agent</th>
            <th scope="col" className="r">Cost</th><th scope="col" className="r">Duration</th><th scope="col" className="r low1">Updated</th>
          </tr>
        </thead>
        <tbody>
          {above > 0 ? <tr aria-hidden="true"><td style={{ height: above, padding: 0, border: 0 }} /></tr> : null}
          {rows.slice(from, to).map((row, nth) => <Row key={row.id} at={from + nth + 2} row={row} asked={asked.has(row.id)} chosen={chosen === row.id} picked={picked.has(row.id)} handlers={handlers} />)}
          {below > 0 ? <tr aria-hidden="true"><td style={{ height: below, padding: 0, border: 0 }} /></tr> : null}
        </tbody>
      </table>
    </div>
  );
}

const Row = memo(function Row({ row, at, asked, chosen, picked, handlers }: { row: TaskRow; at: number; asked: boolean; chosen: boolean; picked: boolean; handlers: RowHandlers<TaskRow> }) {
  const { state, word } = seenTask(row, asked);
  const why = state === "queued" ? row.waiting?.message : state === "failed" ? row.error?.split("\n")[0] : undefined;
  return (
    <tr className={cx("row", chosen && "sel", picked && "selected")} aria-rowindex={at} {...rowProps(row.id, row, handlers)}>
      <td className="main-cell"><div className="ag"><StateGlyph state={state} label="" />{word}</div></td>
      <td className="second"><span className="ref mono" title={row.id}>{shortId(row.id)}</span><Link className="t" to={`/tasks/${row.id}`} tabIndex={-1}>{row.title}</Link>{why ? <span className="mut"> · {visible(why)}</span> : null}</td>
      <td className="sub low2">{row.project}</td>
      <td className="sub low1">{row.queue}</td>
      <td className="sub low2">{row.agent_id ?? row.assigned_to ? <AgentName id={row.agent_id ?? row.assigned_to} /> : "—"}</td>
      <td className="r num">{row.actual_cost_usd > 0 || row.finished_at ? <Cost value={row.actual_cost_usd} /> : <span className="mut">—</span>}</td>
      <td className="r num sub fact"><Took task={row} /></td>
      <td className="r num sub low1"><TimeAgo at={row.updated_at} /></td>
    </tr>
  );
});
