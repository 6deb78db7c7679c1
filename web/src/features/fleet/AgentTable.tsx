import { ChevronDown, ChevronRight } from "lucide-react";
import { memo, useMemo, useRef, useState } from "react";
import type { FleetRow } from "@/api/types";
import { ContextMeter } from "@/components/ContextMeter";
import { StateGlyph } from "@/components/StateGlyph";
import { Elapsed, TimeAgo } from "@/components/TimeAgo";
import { useWindow } from "@/components/useWindow";
import { cx } from "@/lib/cx";
import { compact, cost, shortId } from "@/lib/format";
import { seenAgent } from "@/lib/states";
import { Now } from "@/components/Now";
import { type Group, keyOf } from "./rows";
import { useStill } from "./still";

type Line = { key: string; group: Group; row: FleetRow | null };

interface TableProps {
  groups: Group[];
  folded: Set<string>;
  chosen: string | null;
  onFold: (key: string) => void;
  onOpen: (row: FleetRow) => void;
}

export function AgentTable({ groups, folded, chosen, onFold, onOpen }: TableProps) {
  const [held, setHeld] = useState(false);
  const still = useStill(groups, held);
  const single = still.groups.length === 1 && still.groups[0]!.key === "All";
  const lines = useMemo(() => still.groups.flatMap((group): Line[] => [
    ...(single ? [] : [{ key: `group ${group.key}`, group, row: null }]),
    ...(folded.has(group.key) ? [] : group.rows.map((row) => ({ key: keyOf(row), group, row }))),
  ]), [still.groups, folded, single]);
  const box = useRef<HTMLDivElement>(null);
  const { from, to, above, below } = useWindow(lines.length, box);
  return (
    <div
      className="tblw card" ref={box} style={{ position: "relative" }}
      onPointerEnter={(event) => event.pointerType === "mouse" && setHeld(true)} onPointerLeave={() => setHeld(false)}
      onFocus={(event) => event.target.matches("tr") && setHeld(true)} onBlur={() => setHeld(false)}
    >
      {still.pending > 0 ? (
        <button type="button" className="btn s pending" onClick={() => setHeld(false)}>{still.pending} changed place · Show</button>
      ) : null}
      <table className="tbl two" aria-label="Agents" aria-rowcount={lines.length + 1}>
        <colgroup>
          <col style={{ width: "15.6%" }} /><col style={{ width: "23%" }} /><col style={{ width: "24.4%" }} /><col className="low2" style={{ width: "11%" }} />
          <col className="low1" style={{ width: "5.9%" }} /><col style={{ width: "6.8%" }} /><col style={{ width: "6.3%" }} /><col className="low1" style={{ width: "7%" }} />
        </colgroup>
        <thead>
          <tr>
            <th scope="col">Agent</th><th scope="col">Now</th><th scope="col">Task</th><th scope="col" className="r low2">Context</th><th scope="col" className="r low1">Tokens</th>
            <th scope="col" className="r">Cost</th><th scope="col" className="r">Elapsed</th><th scope="col" className="low1">Machine</th>
          </tr>
        </thead>
        <tbody>
          {above > 0 ? <tr aria-hidden="true"><td colSpan={8} style={{ height: above, padding: 0, border: 0 }} /></tr> : null}
          {lines.slice(from, to).map(({ key, group, row }) => row ? (
            <Row key={key} row={row} chosen={chosen === key} onOpen={onOpen} />
          ) : (
            <tr className="grp" key={key}>
              <th colSpan={8} scope="colgroup">
                <button type="button" aria-expanded={!folded.has(group.key)} onClick={() => onFold(group.key)}>
                  {folded.has(group.key) ? <ChevronRight size={13} /> : <ChevronDown size={13} />}
                  {group.state ? <StateGlyph state={group.state} size={12} label="" /> : null}
                  {group.label} <span className="mut num" style={{ fontWeight: 450 }}>{group.rows.length}</span>
                </button>
              </th>
            </tr>
          ))}
          {below > 0 ? <tr aria-hidden="true"><td colSpan={8} style={{ height: below, padding: 0, border: 0 }} /></tr> : null}
        </tbody>
      </table>
    </div>
  );
}

const Row = memo(function Row({ row, chosen, onOpen }: { row: FleetRow; chosen: boolean; onOpen: (row: FleetRow) => void }) {
  const { state, word } = seenAgent(row);
  const busy = row.task_id !== null;
  return (
    <tr
      className={cx(busy && "row", chosen && "sel", !busy && "row")}
      tabIndex={busy ? 0 : -1}
      data-row={keyOf(row)}
      onClick={() => onOpen(row)}
      onKeyDown={(event) => event.key === "Enter" && onOpen(row)}
    >
      <td className="main-cell"><div className="ag"><StateGlyph state={state} label={word} /><b className="cut">{row.name}</b><span className="cut">{row.role || row.program}</span></div></td>
      <td className="second"><Now now={row.now} /></td>
      <td className="second">{busy ? <><span className="ref mono" title={row.task_id ?? ""}>{shortId(row.task_id!)}</span>{row.task}</> : <span className="mut">—</span>}</td>
      <td className="r low2"><ContextMeter used={row.context_used} total={row.context_window} /></td>
      <td className="r num low1">{busy ? compact(row.tokens) : <span className="mut">—</span>}</td>
      <td className="r num fact">{busy ? cost(row.cost_usd, row.unpriced_calls) : <span className="mut">—</span>}</td>
      <td className="r num sub">{busy ? <Elapsed since={row.since} /> : <TimeAgo at={row.since} />}</td>
      <td className="sub low1">{row.machine ?? "elsewhere"}</td>
    </tr>
  );
});
