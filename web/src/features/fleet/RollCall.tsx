import { useRef, useState } from "react";
import type { FleetRow, Machine } from "@/api/types";
import { StateGlyph } from "@/components/StateGlyph";
import { useNow } from "@/lib/clock";
import { count, elapsed, percent } from "@/lib/format";
import { seenAgent } from "@/lib/states";
import { countStates, keyOf } from "./rows";
import { verb } from "@/lib/verbs";

/** Above so many agents machines show how many are in each state, until every agent is asked for. */
const FOLDED = 300;
/** Above so many the arcs stand still. */
const TURNING = 100;

/** One glyph for each agent, by machine; arrow keys move through them. */
export function RollCall({ rows, machines, onOpen }: { rows: FleetRow[]; machines: Machine[]; onOpen: (row: FleetRow) => void }) {
  const now = useNow();
  const box = useRef<HTMLElement>(null);
  const [all, setAll] = useState(false);
  const folded = rows.length > FOLDED && !all;
  const hosts = [...machines.map((machine) => machine.host), ...(rows.some((row) => row.machine === null) ? [null] : [])];
  const move = (event: React.KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const cells = [...(box.current?.querySelectorAll("button") ?? [])];
    const next = cells[cells.indexOf(document.activeElement as HTMLButtonElement) + step];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  };
  return (
    <>
      <h2 className="sec">Roll call <span className="mut">{folded ? "by machine" : "every agent, by machine"}</span>{rows.length > FOLDED ? <button type="button" className="btn s" style={{ marginLeft: "auto" }} aria-expanded={all} onClick={() => setAll(!all)}>{all ? "Fold" : `Show all ${count(rows.length)}`}</button> : null}</h2>
      <section className="roll card" aria-label="Every agent by machine" ref={box} onKeyDown={move} style={rows.length > TURNING ? ({ "--spin": "paused" } as React.CSSProperties) : undefined}>
        {hosts.map((host) => {
          const machine = machines.find((one) => one.host === host);
          const there = rows.filter((row) => row.machine === host);
          return (
            <div className="mc" key={host ?? ""}>
              <h3>
                {host ?? "Elsewhere"}
                {machine?.quiet ? <em className="stale">no signal {elapsed((now - Date.parse(machine.last_seen_at)) / 1000)}</em> : machine ? <em title={`${machine.running} of ${machine.capacity} places busy`}>{figures(machine)}</em> : null}
              </h3>
              {folded ? (
                <div className="lg">{[...countStates(there)].map(([state, amount]) => <span key={state}><StateGlyph state={state} /><b>{amount}</b></span>)}</div>
              ) : (
                <div className="cells">{there.map((row) => <Cell key={keyOf(row)} row={row} onOpen={onOpen} />)}</div>
              )}
            </div>
          );
        })}
      </section>
    </>
  );
}

/** What is known of a machine: its graphics processor, how busy it is. */
function figures(machine: Machine): string {
  const gpu = machine.gpu ? `${machine.gpu}${machine.gpu_memory !== null ? ` ${percent(machine.gpu_memory)}` : ""}` : "";
  const load = machine.load !== null ? `${percent(machine.load)} load` : "";
  return [gpu, load].filter(Boolean).join(" · ") || `${machine.running} of ${machine.capacity} busy`;
}

function Cell({ row, onOpen }: { row: FleetRow; onOpen: (row: FleetRow) => void }) {
  const { state, word } = seenAgent(row);
  const told = [row.name, word, row.task, row.now ? `${verb(row.now.verb)} ${row.now.subject}` : ""].filter(Boolean).join(" · ");
  return (
    <button type="button" title={told} aria-label={told} onClick={() => onOpen(row)}>
      <StateGlyph state={state} label="" />
    </button>
  );
}
