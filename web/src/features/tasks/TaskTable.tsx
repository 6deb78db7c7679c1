import { memo } from "react";
import type { TaskRow } from "@/api/types";
import { StateGlyph } from "@/components/StateGlyph";
import { Elapsed, TimeAgo } from "@/components/TimeAgo";
import { visible } from "@/lib/visible";
import { cost, shortId } from "@/lib/format";
import { seenTask } from "@/lib/states";

export function TaskTable({ rows, asked, onOpen }: { rows: TaskRow[]; asked: Set<string>; onOpen: (row: TaskRow) => void }) {
  return (
    <div className="tblw card">
      <table className="tbl two" aria-label="Tasks">
        <colgroup>
          <col style={{ width: 132 }} /><col /><col className="low2" style={{ width: "11%" }} /><col className="low1" style={{ width: "11%" }} /><col className="low2" style={{ width: "12%" }} />
          <col style={{ width: 84 }} /><col style={{ width: 92 }} /><col className="low1" style={{ width: 128 }} />
        </colgroup>
        <thead>
          <tr>
            <th scope="col">State</th><th scope="col">Task</th><th scope="col" className="low2">Project</th><th scope="col" className="low1">Queue</th><th scope="col" className="low2">Agent</th>
            <th scope="col" className="r">Cost</th><th scope="col" className="r">Duration</th><th scope="col" className="r low1">Updated</th>
          </tr>
        </thead>
        <tbody>{rows.map((row) => <Row key={row.id} row={row} asked={asked.has(row.id)} onOpen={onOpen} />)}</tbody>
      </table>
    </div>
  );
}

const Row = memo(function Row({ row, asked, onOpen }: { row: TaskRow; asked: boolean; onOpen: (row: TaskRow) => void }) {
  const { state, word } = seenTask(row, asked);
  const why = state === "queued" ? row.waiting?.message : state === "failed" ? row.error?.split("\n")[0] : undefined;
  return (
    <tr className="row" tabIndex={0} data-row={row.id} onClick={() => onOpen(row)} onKeyDown={(event) => event.key === "Enter" && onOpen(row)}>
      <td className="main-cell"><div className="ag"><StateGlyph state={state} label="" />{word}</div></td>
      <td className="second"><span className="ref mono" title={row.id}>{shortId(row.id)}</span>{row.title}{why ? <span className="mut"> · {visible(why)}</span> : null}</td>
      <td className="sub low2">{row.project}</td>
      <td className="sub low1">{row.queue}</td>
      <td className="sub low2">{row.agent_id ?? row.assigned_to ?? "—"}</td>
      <td className="r num">{row.actual_cost_usd > 0 || row.finished_at ? cost(row.actual_cost_usd) : <span className="mut">—</span>}</td>
      <td className="r num sub fact">{row.started_at ? <Elapsed since={row.started_at} until={row.finished_at} /> : <span className="mut">—</span>}</td>
      <td className="r num sub low1"><TimeAgo at={row.updated_at} /></td>
    </tr>
  );
});
