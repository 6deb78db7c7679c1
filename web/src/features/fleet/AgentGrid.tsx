import { useMemo, useRef } from "react";
import type { FleetRow } from "@/api/types";
import { Cost } from "@/components/Cost";
import { ContextMeter } from "@/components/ContextMeter";
import { StateGlyph } from "@/components/StateGlyph";
import { Elapsed, TimeAgo } from "@/components/TimeAgo";
import { seenAgent } from "@/lib/states";
import { usePageWidth } from "@/lib/useWidth";
import { useWindow } from "@/lib/useWindow";
import { cx } from "@/lib/cx";
import { Now } from "@/components/Now";
import { keyOf } from "./rows";

const CARD = 260;
const GAP = 10;
const HEIGHT = 132;
/** From so many lines of cards on only those near the window are made. */
const LINES = 8;

interface GridProps {
  rows: FleetRow[];
  chosen: string | null;
  picked: ReadonlySet<string>;
  onPeek: (row: FleetRow) => void;
}

export default function AgentGrid({ rows, chosen, picked, onPeek }: GridProps) {
  const box = useRef<HTMLUListElement>(null);
  const across = Math.max(Math.floor((usePageWidth() - 36 + GAP) / (CARD + GAP)), 1);
  const lines = Math.ceil(rows.length / across);
  const { from, to, above, below } = useWindow(lines, box, () => HEIGHT + GAP, LINES);
  const shown = useMemo(() => rows.slice(from * across, to * across), [rows, from, to, across]);
  return (
    <ul className="grid-cards" aria-label="Agents" ref={box} style={{ gridTemplateColumns: `repeat(${across}, minmax(0, 1fr))`, paddingTop: above, paddingBottom: below }}>
      {shown.map((row, nth) => {
        const { state, word } = seenAgent(row);
        return (
          <li key={keyOf(row)} aria-setsize={rows.length} aria-posinset={from * across + nth + 1}>
            <button type="button" data-row={keyOf(row)} className={cx("gc card", chosen === keyOf(row) && "sel", picked.has(keyOf(row)) && "selected")} style={{ width: "100%" }} onClick={() => onPeek(row)}>
              <span className="line"><StateGlyph state={state} label={word} /><b className="cut">{row.name}</b><span className="mut cut">{row.role || row.program}</span></span>
              <Now now={row.now} />
              <span className="cut sub">{row.task || "No task"}</span>
              <span className="foot num"><ContextMeter used={row.context_used} total={row.context_window} /><span>{row.task_id ? <Cost value={row.cost_usd} unpriced={row.unpriced_calls} /> : ""}</span><span style={{ marginLeft: "auto" }}>{row.task_id ? <Elapsed since={row.since} /> : <TimeAgo at={row.since} />}</span></span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}
