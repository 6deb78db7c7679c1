import { ArrowDown, ArrowUp } from "lucide-react";
import { memo, useEffect, useRef, useState } from "react";
import { Link } from "react-router";
import { Now } from "@/components/Now";
import { StateGlyph } from "@/components/StateGlyph";
import { TimeAgo } from "@/components/TimeAgo";
import { cx } from "@/lib/cx";
import { type RowHandlers, rowProps } from "@/lib/usePeek";
import { useWindow } from "@/lib/useWindow";
import { cost, count, percent } from "@/lib/format";
import { type AgentLine, type Sort, successOf } from "./rows";

interface TableProps {
  lines: AgentLine[];
  sort: Sort;
  backwards: boolean;
  onSort: (sort: Sort) => void;
  chosen: string | null;
  handlers: RowHandlers<AgentLine>;
}

const HEADS: [Sort | null, string, string][] = [
  ["name", "Agent", ""], [null, "Now", ""], ["success", "Success", "r"], ["tasks", "Tasks", "r low1"], ["cost", "Cost", "r"], [null, "Median", "r low1"], ["seen", "Last seen", "r"], [null, "Machine", "low2"],
];

export function AgentTable({ lines: now, sort, backwards, onSort, chosen, handlers }: TableProps) {
  const [held, setHeld] = useState(false);
  const lines = useHeld(now, held, `${sort} ${backwards}`);
  const box = useRef<HTMLDivElement>(null);
  const { from, to, above, below } = useWindow(lines.length, box);
  return (
    <div className="tblw card" ref={box} onPointerEnter={(event) => event.pointerType === "mouse" && setHeld(true)} onPointerLeave={() => setHeld(false)}>
      <table className="tbl two" aria-label="Agents" aria-rowcount={lines.length + 1}>
        <colgroup>
          <col style={{ width: "22%" }} /><col /><col style={{ width: 84 }} /><col className="low1" style={{ width: 76 }} /><col style={{ width: 88 }} /><col className="low1" style={{ width: 84 }} /><col style={{ width: 128 }} /><col className="low2" style={{ width: "11%" }} />
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {HEADS.map(([key, label, kind]) => (
              <th key={label} scope="col" className={kind || undefined} aria-sort={key === sort ? (backwards ? "descending" : "ascending") : undefined}>
                {key ? <button type="button" style={{ display: "inline-flex", gap: 4, alignItems: "center" }} onClick={() => onSort(key)}>{label}{key === sort ? backwards ? <ArrowUp size={11} /> : <ArrowDown size={11} /> : null}</button> : label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {above > 0 ? <tr aria-hidden="true"><td style={{ height: above, padding: 0, border: 0 }} /></tr> : null}
          {lines.slice(from, to).map((line, nth) => <Row key={line.agent.id} at={from + nth + 2} line={line} chosen={line.agent.id === chosen} handlers={handlers} />)}
          {below > 0 ? <tr aria-hidden="true"><td style={{ height: below, padding: 0, border: 0 }} /></tr> : null}
        </tbody>
      </table>
    </div>
  );
}

/** While somebody points at the list, its rows keep their places; what they say moves on. */
function useHeld(now: AgentLine[], held: boolean, by: string): AgentLine[] {
  const order = useRef<string[]>([]);
  const asked = useRef("");
  const ids = now.map((line) => line.agent.id);
  const members = [by, ...[...ids].sort()].join("\n");
  const keep = held && asked.current === members;
  const shown = keep ? order.current.map((id) => now[ids.indexOf(id)]!) : now;
  useEffect(() => {
    order.current = shown.map((line) => line.agent.id);
    asked.current = members;
  });
  return shown;
}

const Row = memo(function Row({ line, at, chosen, handlers }: { line: AgentLine; at: number; chosen: boolean; handlers: RowHandlers<AgentLine> }) {
  const { agent, works, seen } = line;
  const { record } = agent;
  const busy = works.filter((row) => row.task_id !== null);
  const success = successOf(agent);
  const tasks = `/tasks?agent=${encodeURIComponent(agent.id)}`;
  return (
    <tr className={cx("row", chosen && "sel")} aria-rowindex={at} {...rowProps(agent.id, line, handlers)}>
      <td className="main-cell"><div className="ag"><StateGlyph state={seen.state} label={seen.word} /><b className="cut">{agent.name}</b><span className="cut">{busy[0]?.role || busy[0]?.program || agent.model}</span></div></td>
      <td className="second">{busy.length > 0 ? <div style={{ display: "flex", gap: 8, minWidth: 0 }}><Now now={busy[0]!.now} />{busy.length > 1 ? <span className="mut">and {busy.length - 1} more</span> : null}</div> : <span className="mut">{seen.word}</span>}</td>
      <td className="r num" title={record && success !== null ? `${record.succeeded} of ${record.succeeded + record.failed} of its newest tasks` : undefined}>{success === null ? <span className="mut">—</span> : percent(success)}</td>
      <td className="r num low1">{record && record.tasks > 0 ? <Link to={tasks} aria-label={`Tasks of ${agent.name}: ${record.tasks}`}>{count(record.tasks)}{record.tasks >= 1_000 ? "+" : ""}</Link> : <span className="mut">0</span>}</td>
      <td className="r num fact">{record && record.looked_at > 0 ? <Link to={`/agents/${encodeURIComponent(agent.id)}/usage`} aria-label={`Usage of ${agent.name}: ${cost(record.cost_usd)}`} title={`Of its newest ${record.looked_at} tasks`}>{cost(record.cost_usd)}</Link> : <span className="mut">—</span>}</td>
      <td className="r num sub low1">{record?.median_cost_usd === null || record?.median_cost_usd === undefined ? <span className="mut">—</span> : cost(record.median_cost_usd)}</td>
      <td className="r num sub">{busy.length > 0 ? "now" : <TimeAgo at={agent.last_active_at} />}</td>
      <td className="sub low2">{works[0]?.machine ?? "elsewhere"}</td>
    </tr>
  );
});
