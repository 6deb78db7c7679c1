import { Link, useNavigate } from "react-router";
import type { Session } from "@/api/types";
import { StateGlyph } from "./StateGlyph";
import { Elapsed, TimeAgo } from "./TimeAgo";

/** Work sessions, one line each. */
export function SessionRows({ rows }: { rows: Session[] }) {
  const go = useNavigate();
  return (
    <div className="tblw card">
      <table className="tbl two" aria-label="Work sessions">
        <colgroup><col style={{ width: 120 }} /><col style={{ width: "26%" }} /><col className="low1" /><col style={{ width: 128 }} /><col className="low1" style={{ width: 110 }} /></colgroup>
        <thead><tr><th scope="col">State</th><th scope="col">Session</th><th scope="col" className="low1">Context carried</th><th scope="col" className="r">Began</th><th scope="col" className="r low1">Lasted</th></tr></thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id} className="row" data-session={row.id} onClick={(event) => !(event.target as Element).closest("a") && void go(`/sessions/${row.id}`)}>
              <td className="main-cell"><div className="ag"><StateGlyph state={row.status === "active" ? "running" : "archived"} label="" />{row.status === "active" ? "Active" : "Ended"}</div></td>
              <td className="second"><Link to={`/sessions/${row.id}`}><b style={{ fontWeight: 540 }}>{row.name}</b></Link></td>
              <td className="sub low1">{row.context.split("\n")[0] || <span className="mut">—</span>}</td>
              <td className="r num sub fact"><TimeAgo at={row.created_at} /></td>
              <td className="r num sub low1"><Elapsed since={row.created_at} until={row.ended_at} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
