import { Fragment, useId, useMemo, useRef, useState } from "react";
import type { FleetRow } from "@/api/types";
import { ORDER, seenAgent } from "@/lib/states";
import { keyOf } from "./rows";
import { ACROSS, at, type Block, layOut, PITCH, place, SIZE } from "./sheetLayout";

interface SheetProps {
  /** Who is where, with the words above each machine. */
  machines: { key: string; heading: React.ReactNode; rows: FleetRow[] }[];
  told: (row: FleetRow) => string;
  onPeek: (row: FleetRow) => void;
}

const STILL = { "--spin": "paused" } as React.CSSProperties;

/**
 * The roll call of a large fleet: as many shapes as there are states on a machine, not agents.
 * Neighbours of one state are one rectangle filled with its glyph; a pointer or the arrow keys go from agent to agent.
 */
export function Sheet({ machines, told, onPeek }: SheetProps) {
  const id = useId().replaceAll(/\W/g, "");
  const box = useRef<HTMLDivElement>(null);
  const blocks = useMemo(() => layOut(machines), [machines]);
  const everyone = useMemo(() => blocks.flatMap((block) => block.rows), [blocks]);
  const [cursor, setCursor] = useState<string | null>(null);
  const [tip, setTip] = useState<{ left: number; top: number } | null>(null);
  const index = everyone.findIndex((row) => keyOf(row) === cursor);
  const current = everyone[index];
  const states = ORDER.filter((state) => everyone.some((row) => seenAgent(row).state === state));
  const move = (event: React.KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowDown: ACROSS, ArrowLeft: -1, ArrowUp: -ACROSS, Home: -everyone.length, End: everyone.length }[event.key];
    if (current && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      onPeek(current);
    }
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const next = everyone[Math.min(Math.max((index < 0 ? -1 : index) + step, 0), everyone.length - 1)];
    if (next) setCursor(keyOf(next));
    setTip(null);
  };
  const point = (event: React.PointerEvent<SVGSVGElement>, block: Block) => {
    const row = rowAt(event, block);
    const frame = box.current?.getBoundingClientRect();
    setCursor(row ? keyOf(row) : null);
    setTip(row && frame ? { left: Math.min(event.clientX - frame.left + 12, frame.width - 260), top: event.clientY - frame.top + 14 } : null);
  };
  return (
    <div ref={box} className="sheet" style={STILL} role="listbox" aria-label="Every agent, by machine" tabIndex={0} aria-activedescendant={current ? `${id}-now` : undefined} onKeyDown={move} onPointerLeave={() => setTip(null)} onBlur={() => setTip(null)}>
      <svg width="0" height="0" aria-hidden="true" style={{ position: "absolute" }}>
        <defs>{states.map((state) => <pattern key={state} id={`${id}-${state}`} width={PITCH} height={PITCH} patternUnits="userSpaceOnUse"><use href={`#g-${state}`} width={SIZE} height={SIZE} /></pattern>)}</defs>
      </svg>
      {blocks.map((block) => (
        <div className="mc" key={block.key}>
          {block.heading}
          <svg width={block.width} height={block.height} aria-hidden="true" onPointerMove={(event) => point(event, block)} onClick={(event) => { const row = rowAt(event, block); if (row) onPeek(row); }}>
            {block.rects.map((rect) => <rect key={`${rect.x} ${rect.y}`} x={rect.x} y={rect.y} width={rect.width} height={rect.height} fill={`url(#${id}-${rect.state})`} />)}
            {current && block.rows.includes(current) ? <Ring block={block} row={current} /> : null}
          </svg>
        </div>
      ))}
      {current ? (
        <Fragment key={keyOf(current)}>
          <span className="sr" role="option" id={`${id}-now`} aria-selected="true" aria-posinset={index + 1} aria-setsize={everyone.length}>{told(current)}</span>
          {tip ? <div className="tip" aria-hidden="true" style={tip}>{told(current)}</div> : null}
        </Fragment>
      ) : <span className="sr" role="option" aria-selected="false" aria-setsize={everyone.length} aria-posinset={1}>{everyone[0] ? told(everyone[0]) : ""}</span>}
    </div>
  );
}

function rowAt(event: React.MouseEvent<SVGSVGElement>, block: Block): FleetRow | undefined {
  const frame = event.currentTarget.getBoundingClientRect();
  return block.rows[at(block, event.clientX - frame.left, event.clientY - frame.top)];
}

function Ring({ block, row }: { block: Block; row: FleetRow }) {
  const { x, y } = place(block, block.rows.indexOf(row));
  return <rect x={x - 1} y={y - 1} width={SIZE + 2} height={SIZE + 2} rx="4" fill="none" stroke="var(--focus)" strokeWidth="1.5" />;
}
