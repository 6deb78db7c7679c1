import { Link, useNavigate } from "react-router";
import type { TaskRow } from "@/api/types";
import { shortId } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { seenTask } from "@/lib/states";
import { visible } from "@/lib/visible";
import { Cost } from "./Cost";
import { StateGlyph } from "./StateGlyph";
import { TimeAgo, Took } from "./TimeAgo";

/** Tasks of something, one line each. */
export function TaskRows({ rows, asked, label, queue = true, keys = true }: { rows: TaskRow[]; asked: Set<string>; label: string; /** Whether its queue is shown. */ queue?: boolean; /** Whether j and k go through them. */ keys?: boolean }) {
  const go = useNavigate();
  const step = (by: number) => {
    const all = [...document.querySelectorAll<HTMLElement>("[data-taskrow]")];
    const at = all.findIndex((row) => row.contains(document.activeElement));
    all[Math.min(Math.max(at + by, 0), all.length - 1)]?.querySelector("a")?.focus();
  };
  useKeys(keys ? { j: () => step(1), k: () => step(-1) } : {});
  return (
    <div className="tblw card">
      <table className="tbl two" aria-label={label}>
        <colgroup><col style={{ width: 116 }} /><col />{queue ? <col className="low1" style={{ width: "14%" }} /> : null}<col style={{ width: 84 }} /><col className="low1" style={{ width: 92 }} /><col className="low1" style={{ width: 112 }} /></colgroup>
        <thead><tr><th scope="col">State</th><th scope="col">Task</th>{queue ? <th scope="col" className="low1">Queue</th> : null}<th scope="col" className="r">Cost</th><th scope="col" className="r low1">Duration</th><th scope="col" className="r low1">Updated</th></tr></thead>
        <tbody>
          {rows.map((row) => {
            const { state, word } = seenTask(row, asked.has(row.id));
            const why = state === "queued" ? row.waiting?.message : state === "failed" ? row.error?.split("\n")[0] : undefined;
            return (
              <tr key={row.id} className="row" data-taskrow onClick={(event) => !(event.target as Element).closest("a") && void go(`/tasks/${row.id}`)}>
                <td className="main-cell"><div className="ag"><StateGlyph state={state} label="" />{word}</div></td>
                <td className="second"><Link to={`/tasks/${row.id}`}><span className="ref mono" title={row.id}>{shortId(row.id)}</span>{row.title}</Link>{why ? <span className="mut"> · {visible(why)}</span> : null}</td>
                {queue ? <td className="sub low1"><Link to={`/queues/${row.queue_id}`}>{row.queue}</Link></td> : null}
                <td className="r num">{row.actual_cost_usd > 0 || row.finished_at ? <Cost value={row.actual_cost_usd} /> : <span className="mut">—</span>}</td>
                <td className="r num sub fact low1"><Took task={row} /></td>
                <td className="r num sub low1"><TimeAgo at={row.updated_at} /></td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
