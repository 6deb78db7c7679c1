import type { ReactNode } from "react";
import type { FleetRow } from "@/api/types";
import { ORDER, seenAgent, type Shown } from "@/lib/states";

export const SIZE = 13;
/** From one glyph to the next. */
export const PITCH = 17;
/** How many stand side by side before a line is full. */
export const ACROSS = 20;

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
  state: Shown;
}

export interface Block {
  key: string;
  heading: ReactNode;
  /** Agents in the order in which they stand, state by state. */
  rows: FleetRow[];
  across: number;
  width: number;
  height: number;
  rects: Rect[];
}

/** Where an agent stands. */
export function place(block: Pick<Block, "across">, index: number): { x: number; y: number } {
  return { x: (index % block.across) * PITCH, y: Math.floor(index / block.across) * PITCH };
}

/** Which agent stands at a point; -1: none. */
export function at(block: Pick<Block, "across" | "rows">, x: number, y: number): number {
  const column = Math.floor(x / PITCH);
  const index = Math.floor(y / PITCH) * block.across + column;
  return column < 0 || column >= block.across || index < 0 || index >= block.rows.length ? -1 : index;
}

/** Machines with their agents as rectangles of one state each. */
export function layOut(machines: { key: string; heading: ReactNode; rows: FleetRow[] }[], most = ACROSS): Block[] {
  return machines.map(({ key, heading, rows }) => {
    const seen = rows.map((row) => ({ row, state: seenAgent(row).state })).sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
    const across = Math.max(Math.min(most, Math.ceil(rows.length / 2)), 1);
    const lines = Math.ceil(rows.length / across);
    return {
      key, heading, across, rows: seen.map((one) => one.row), rects: rects(seen.map((one) => one.state), across),
      width: across * PITCH, height: Math.max(lines * PITCH, SIZE),
    };
  });
}

/** A run of one state is the rest of a line, whole lines, and the beginning of one. */
function rects(states: Shown[], across: number): Rect[] {
  const found: Rect[] = [];
  let start = 0;
  while (start < states.length) {
    let end = start;
    while (end < states.length && states[end] === states[start]) end += 1;
    const state = states[start]!;
    while (start < end) {
      const column = start % across;
      const whole = column === 0 ? Math.floor((end - start) / across) : 0;
      const many = whole > 0 ? across : Math.min(end - start, across - column);
      const lines = Math.max(whole, 1);
      found.push({ x: column * PITCH, y: Math.floor(start / across) * PITCH, width: many * PITCH, height: lines * PITCH, state });
      start += many * lines;
    }
  }
  return found;
}
