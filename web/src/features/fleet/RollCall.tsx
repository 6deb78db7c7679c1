import { memo, useMemo, useRef } from "react";
import type { FleetRow, Machine } from "@/api/types";
import { StateGlyph } from "@/components/StateGlyph";
import { useNow } from "@/lib/clock";
import { elapsed, percent } from "@/lib/format";
import { seenAgent } from "@/lib/states";
import { verb } from "@/lib/verbs";
import { keyOf } from "./rows";
import { Sheet } from "./Sheet";

/** Above so many agents they are drawn together, and their arcs stand still. */
const TOGETHER = 100;

interface RollProps {
  rows: FleetRow[];
  machines: Machine[];
  onPeek: (row: FleetRow) => void;
}

/** One glyph for each agent, by machine; arrow keys move through them. */
export const RollCall = memo(function RollCall({ rows, machines, onPeek }: RollProps) {
  const groups = useMemo(() => grouped(rows, machines), [rows, machines]);
  return (
    <>
      <h2 className="sec">Roll call <span className="mut">every agent, by machine</span></h2>
      <section className="roll card" aria-label="Roll call">
        {rows.length > TOGETHER ? <Sheet machines={groups} told={toldOf} onPeek={onPeek} /> : <Cells groups={groups} onPeek={onPeek} />}
      </section>
    </>
  );
});

function grouped(rows: FleetRow[], machines: Machine[]) {
  const there = new Map<string | null, FleetRow[]>();
  for (const row of rows) there.set(row.machine, [...(there.get(row.machine) ?? []), row]);
  const hosts = [...machines.map((machine) => machine.host), ...(there.has(null) ? [null] : [])];
  return hosts.map((host) => ({ key: host ?? "", heading: <Heading host={host} machine={machines.find((one) => one.host === host)} />, rows: there.get(host) ?? [] }));
}

function Heading({ host, machine }: { host: string | null; machine: Machine | undefined }) {
  return (
    <h3>
      {host ?? "Elsewhere"}
      {machine?.quiet ? <NoSignal since={machine.last_seen_at} /> : machine ? <em title={`${machine.running} of ${machine.capacity} places busy`}>{figures(machine)}</em> : null}
    </h3>
  );
}

function NoSignal({ since }: { since: string }) {
  return <em className="stale">no signal {elapsed((useNow() - Date.parse(since)) / 1000)}</em>;
}

/** What is known of a machine: its graphics processor, how busy it is. */
function figures(machine: Machine): string {
  const gpu = machine.gpu ? `${machine.gpu}${machine.gpu_memory !== null ? ` ${percent(machine.gpu_memory)}` : ""}` : "";
  const load = machine.load !== null ? `${percent(machine.load)} load` : "";
  return [gpu, load].filter(Boolean).join(" · ") || `${machine.running} of ${machine.capacity} busy`;
}

function toldOf(row: FleetRow): string {
  return [row.name, seenAgent(row).word, row.task, row.now ? `${verb(row.now.verb)} ${row.now.subject}` : ""].filter(Boolean).join(" · ");
}

function Cells({ groups, onPeek }: { groups: ReturnType<typeof grouped>; onPeek: (row: FleetRow) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const move = (event: React.KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const cells = [...(box.current?.querySelectorAll("button") ?? [])];
    const next = cells[cells.indexOf(document.activeElement as HTMLButtonElement) + step];
    if (next) {
      event.preventDefault();
      event.stopPropagation();
      next.focus();
    }
  };
  return (
    <div ref={box} onKeyDown={move} style={{ display: "contents" }}>
      {groups.map(({ key, heading, rows }) => (
        <div className="mc" key={key}>{heading}<div className="cells">{rows.map((row) => <Cell key={keyOf(row)} row={row} onPeek={onPeek} />)}</div></div>
      ))}
    </div>
  );
}

const Cell = memo(function Cell({ row, onPeek }: { row: FleetRow; onPeek: (row: FleetRow) => void }) {
  const told = toldOf(row);
  return <button type="button" title={told} aria-label={told} onClick={() => onPeek(row)}><StateGlyph state={seenAgent(row).state} label="" /></button>;
});
