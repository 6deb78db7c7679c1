import { ArrowDown, ArrowUp, ChevronDown, ChevronRight } from "lucide-react";
import { memo, useMemo, useRef, useState } from "react";
import type { FleetRow } from "@/api/types";
import { StateGlyph } from "@/components/StateGlyph";
import { cx } from "@/lib/cx";
import { type RowHandlers, rowProps } from "@/lib/usePeek";
import { FEW, rowHeight, useWindow } from "@/lib/useWindow";
import type { columnsFor } from "./columns";
import { canSort, type Group, keyOf } from "./rows";
import { useStill } from "./still";

type Shown = ReturnType<typeof columnsFor>;
type Line = { key: string; group: Group; row: FleetRow | null };

const PLACED = { position: "relative" } as const;

interface TableProps {
  groups: Group[];
  folded: Set<string>;
  chosen: string | null;
  picked: ReadonlySet<string>;
  columns: Shown;
  /** `-cost`: by cost, the largest first; empty: as they come. */
  sort: string;
  onSort: (key: string) => void;
  onFold: (key: string) => void;
  handlers: RowHandlers<FleetRow>;
}

export function AgentTable({ groups, folded, chosen, picked, columns, sort, onSort, onFold, handlers }: TableProps) {
  const [held, setHeld] = useState(false);
  const still = useStill(groups, held, sort);
  const single = still.groups.length === 1 && still.groups[0]!.key === "All";
  const lines = useMemo(() => still.groups.flatMap((group): Line[] => [
    ...(single ? [] : [{ key: `group ${group.key}`, group, row: null }]),
    ...(folded.has(group.key) ? [] : group.rows.map((row) => ({ key: keyOf(row), group, row }))),
  ]), [still.groups, folded, single]);
  const box = useRef<HTMLDivElement>(null);
  const { from, to, above, below } = useWindow(lines.length, box, rowHeight, FEW);
  return (
    <div
      className="tblw card" ref={box} style={PLACED}
      onPointerEnter={(event) => event.pointerType === "mouse" && setHeld(true)} onPointerLeave={() => setHeld(false)}
      onFocus={(event) => event.target.matches("tr") && setHeld(true)} onBlur={() => setHeld(false)}
    >
      {still.pending > 0 ? (
        <button type="button" className="btn s pending" onClick={() => setHeld(false)}>{still.pending} changed place · Show</button>
      ) : null}
      <table className="tbl two" aria-label="Agents" aria-rowcount={lines.length + 1}>
        <colgroup>{columns.map((column) => <col key={column.key} style={{ width: `${column.percent}%` }} />)}</colgroup>
        <thead>
          <tr aria-rowindex={1}>{columns.map((column) => <Head key={column.key} column={column} sort={sort} onSort={onSort} />)}</tr>
        </thead>
        <tbody>
          {above > 0 ? <tr aria-hidden="true"><td colSpan={columns.length} style={{ height: above, padding: 0, border: 0 }} /></tr> : null}
          {lines.slice(from, to).map(({ key, group, row }, nth) => row ? (
            <Row key={key} at={from + nth + 2} row={row} columns={columns} chosen={chosen === key} picked={picked.has(key)} handlers={handlers} />
          ) : (
            <tr className="grp" key={key} aria-rowindex={from + nth + 2}>
              <th colSpan={columns.length} scope="colgroup">
                <button type="button" aria-expanded={!folded.has(group.key)} onClick={() => onFold(group.key)}>
                  {folded.has(group.key) ? <ChevronRight size={13} /> : <ChevronDown size={13} />}
                  {group.state ? <StateGlyph state={group.state} size={12} label="" /> : null}
                  {group.label} <span className="mut num" style={{ fontWeight: 450 }}>{group.rows.length}</span>
                </button>
              </th>
            </tr>
          ))}
          {below > 0 ? <tr aria-hidden="true"><td colSpan={columns.length} style={{ height: below, padding: 0, border: 0 }} /></tr> : null}
        </tbody>
      </table>
    </div>
  );
}

function Head({ column, sort, onSort }: { column: Shown[number]; sort: string; onSort: (key: string) => void }) {
  const by = sort.replace(/^-/, "") === column.key;
  const down = sort.startsWith("-");
  return (
    <th scope="col" className={cx(column.right && "r")} aria-sort={by ? (down ? "descending" : "ascending") : undefined}>
      {canSort(column.key) ? <button type="button" className="sort" onClick={() => onSort(column.key)}>{column.label}{by ? down ? <ArrowDown size={11} /> : <ArrowUp size={11} /> : null}</button> : column.label}
    </th>
  );
}

const Row = memo(function Row({ row, at, columns, chosen, picked, handlers }: { row: FleetRow; at: number; columns: Shown; chosen: boolean; picked: boolean; handlers: RowHandlers<FleetRow> }) {
  return (
    <tr className={cx("row", chosen && "sel", picked && "selected")} aria-rowindex={at} {...rowProps(keyOf(row), row, handlers)}>
      {columns.map((column) => <td key={column.key} className={cx(column.className, column.right && "r")}>{column.cell(row)}</td>)}
    </tr>
  );
});
