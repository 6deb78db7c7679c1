import { useId, useMemo, useRef, useState } from "react";
import type { FleetRow } from "@/api/types";
import { ORDER, seenAgent } from "@/lib/states";
import { usePageWidth } from "@/lib/useWidth";
import { keyOf } from "./rows";
import { ACROSS, at, type Block, layOut, PITCH, place, SIZE } from "./sheetLayout";

interface SheetProps {
  /** Who is where, with the words above each machine. */
  machines: { key: string; heading: React.ReactNode; rows: FleetRow[] }[];
  told: (row: FleetRow) => string;
  onPeek: (row: FleetRow) => void;
}

/** What stands left and right of the glyphs on a narrow page. */
const FRAME = 64;

/**
 * The roll call of a large fleet: as many shapes as there are states on a machine, not agents.
 * Neighbours of one state are one rectangle filled with its glyph; a pointer or the arrow keys go from agent to agent.
 */
export function Sheet({ machines, told, onPeek }: SheetProps) {
  const id = useId().replaceAll(/\W/g, "");
  const box = useRef<HTMLDivElement>(null);
  const across = Math.max(Math.min(ACROSS, Math.floor((usePageWidth() - FRAME) / PITCH)), 4);
  const blocks = useMemo(() => layOut(machines, across), [machines, across]);
  const everyone = useMemo(() => blocks.flatMap((block) => block.rows), [blocks]);
  const [cursor, setCursor] = useState<string | null>(null);
  const [tip, setTip] = useState<{ left: number; top: number } | null>(null);
  const index = everyone.findIndex((row) => keyOf(row) === cursor);
  const current = everyone[index];
  const states = ORDER.filter((state) => everyone.some((row) => seenAgent(row).state === state));
  const move = (event: React.KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowDown: across, ArrowLeft: -1, ArrowUp: -across, Home: -everyone.length, End: everyone.length }[event.key];
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
    <div ref={box} className="sheet" onPointerLeave={() => setTip(null)}>
      <div className="sr" role="listbox" aria-label="Every agent, by machine" tabIndex={0} aria-activedescendant={`${id}-now`} onKeyDown={move} onBlur={() => setTip(null)}>
        <span role="option" id={`${id}-now`} aria-selected={current !== undefined} aria-posinset={Math.max(index, 0) + 1} aria-setsize={everyone.length}>{everyone.length > 0 ? told(current ?? everyone[0]!) : ""}</span>
      </div>
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
      {current && tip ? <div className="tip" aria-hidden="true" style={tip}>{told(current)}</div> : null}
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
