import type { FleetRow } from "@/api/types";
import { ContextMeter } from "@/components/ContextMeter";
import { StateGlyph } from "@/components/StateGlyph";
import { Elapsed, TimeAgo } from "@/components/TimeAgo";
import { cost } from "@/lib/format";
import { seenAgent } from "@/lib/states";
import { Now } from "@/components/Now";
import { keyOf } from "./rows";

export function AgentGrid({ rows, onOpen }: { rows: FleetRow[]; onOpen: (row: FleetRow) => void }) {
  return (
    <ul className="grid-cards" aria-label="Agents">
      {rows.map((row) => {
        const { state, word } = seenAgent(row);
        return (
          <li key={keyOf(row)}>
            <button type="button" className="gc card" style={{ width: "100%" }} onClick={() => onOpen(row)}>
              <span className="line"><StateGlyph state={state} label={word} /><b className="cut">{row.name}</b><span className="mut cut">{row.role || row.program}</span></span>
              <Now now={row.now} />
              <span className="cut sub">{row.task || "No task"}</span>
              <span className="foot num"><ContextMeter used={row.context_used} total={row.context_window} /><span>{row.task_id ? cost(row.cost_usd, row.unpriced_calls) : ""}</span><span style={{ marginLeft: "auto" }}>{row.task_id ? <Elapsed since={row.since} /> : <TimeAgo at={row.since} />}</span></span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}
