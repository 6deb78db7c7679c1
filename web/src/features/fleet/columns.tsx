import type { ReactNode } from "react";
import { Link } from "react-router";
import type { FleetRow } from "@/api/types";
import { Cost } from "@/components/Cost";
import { ContextMeter } from "@/components/ContextMeter";
import { StateGlyph } from "@/components/StateGlyph";
import { Elapsed, TimeAgo } from "@/components/TimeAgo";
import { useNow } from "@/lib/clock";
import { compact, cost, shortId } from "@/lib/format";
import { seenAgent } from "@/lib/states";
import { Now } from "@/components/Now";

export type ColumnKey = "agent" | "now" | "task" | "context" | "tokens" | "cost" | "elapsed" | "machine" | "model" | "rate" | "pace";

export interface Column {
  key: ColumnKey;
  label: string;
  /** Share of the width, in parts. */
  share: number;
  /** The page must be so wide, or the column gives way. */
  from: number;
  right?: boolean;
  /** Not shown unless somebody asks for it. */
  optional?: boolean;
  className?: string;
  cell: (row: FleetRow) => ReactNode;
}

const none = <span className="mut">—</span>;

/** All columns, in their order. */
export const COLUMNS: Column[] = [
  { key: "agent", label: "Agent", share: 15.6, from: 0, className: "main-cell", cell: agentCell },
  { key: "now", label: "Now", share: 23, from: 0, className: "second", cell: (row) => <Now now={row.now} /> },
  { key: "task", label: "Task", share: 24.4, from: 0, className: "second", cell: (row) => (row.task_id ? <><span className="ref mono" title={row.task_id}>{shortId(row.task_id)}</span><Link className="t" to={`/tasks/${row.task_id}`} tabIndex={-1}>{row.task}</Link></> : none) },
  { key: "context", label: "Context", share: 11, from: 860, right: true, cell: (row) => <ContextMeter used={row.context_used} total={row.context_window} /> },
  { key: "tokens", label: "Tokens", share: 5.9, from: 1060, right: true, className: "num", cell: (row) => (row.task_id ? <span title={`${row.tokens.toLocaleString("en-US")} tokens`}>{compact(row.tokens)}</span> : none) },
  { key: "cost", label: "Cost", share: 6.8, from: 0, right: true, className: "num fact", cell: (row) => (row.task_id ? <Cost value={row.cost_usd} unpriced={row.unpriced_calls} /> : none) },
  { key: "elapsed", label: "Elapsed", share: 6.3, from: 0, right: true, className: "num sub", cell: (row) => (row.task_id ? <Elapsed since={row.since} /> : <TimeAgo at={row.since} />) },
  { key: "machine", label: "Machine", share: 7, from: 1000, className: "sub", cell: (row) => row.machine ?? "elsewhere" },
  { key: "model", label: "Model", share: 7, from: 0, optional: true, className: "sub", cell: (row) => row.model || none },
  { key: "rate", label: "Cost / h", share: 6.5, from: 0, optional: true, right: true, className: "num sub", cell: (row) => <PerHour row={row} /> },
  { key: "pace", label: "Tokens / min", share: 7.5, from: 0, optional: true, right: true, className: "num sub", cell: (row) => <PerMinute row={row} /> },
];

function agentCell(row: FleetRow): ReactNode {
  const { state, word } = seenAgent(row);
  return <div className="ag"><StateGlyph state={state} label={word} /><b className="cut">{row.name}</b><span className="cut">{row.role || row.program}</span></div>;
}

/** For how long a row's task runs, in seconds; null for so short that a rate would be noise. */
function useSeconds(row: FleetRow): number | null {
  const seconds = (useNow() - Date.parse(row.since)) / 1000;
  return row.task_id === null || seconds < 30 ? null : seconds;
}

function PerHour({ row }: { row: FleetRow }) {
  const seconds = useSeconds(row);
  return seconds === null ? none : <>{cost((row.cost_usd / seconds) * 3_600, row.unpriced_calls)}</>;
}

function PerMinute({ row }: { row: FleetRow }) {
  const seconds = useSeconds(row);
  return seconds === null ? none : <>{compact(Math.round((row.tokens / seconds) * 60))}</>;
}

/** The chosen columns that fit, with their widths in percent. */
export function columnsFor(chosen: ColumnKey[], width: number): (Column & { percent: number })[] {
  const shown = COLUMNS.filter((column) => chosen.includes(column.key) && width >= column.from);
  const total = shown.reduce((sum, column) => sum + column.share, 0);
  return shown.map((column) => ({ ...column, percent: (column.share / total) * 100 }));
}
