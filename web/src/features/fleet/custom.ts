import { useKept } from "@/lib/kept";
import { COLUMNS, type ColumnKey } from "./columns";

export type Section = "strip" | "needs" | "roll" | "agents";
export type Cell = "agents" | "spend" | "tokens" | "context" | "finished";

export const SECTIONS: Record<Section, string> = { strip: "Summary strip", needs: "Needs you", roll: "Roll call", agents: "Agents" };
export const CELLS: Record<Cell, string> = { agents: "Agents", spend: "Spend today", tokens: "Tokens today", context: "Context window", finished: "Finished today" };

/** How somebody wants the fleet: sections in their order, cells of the strip, columns. What is not named is hidden. */
export interface Custom {
  sections: Section[];
  cells: Cell[];
  columns: ColumnKey[];
}

export const USUAL: Custom = {
  sections: ["strip", "needs", "roll", "agents"],
  cells: ["agents", "spend", "tokens", "context", "finished"],
  columns: COLUMNS.filter((column) => !column.optional).map((column) => column.key),
};

function known<T extends string>(value: unknown, all: Iterable<T>): T[] {
  const names = new Set<string>(all);
  return Array.isArray(value) ? [...new Set(value.filter((one): one is T => names.has(one as string)))] : [];
}

/** What was kept, as far as it still means something; null where that is nothing. */
export function readCustom(value: unknown): Custom | null {
  if (typeof value !== "object" || value === null) return null;
  const given = value as Record<string, unknown>;
  const read: Custom = {
    sections: known(given.sections, Object.keys(SECTIONS) as Section[]),
    cells: known(given.cells, Object.keys(CELLS) as Cell[]),
    columns: known(given.columns, COLUMNS.map((column) => column.key)),
  };
  if (read.sections.length === 0 || read.columns.length === 0) return null;
  if (!read.columns.includes("agent")) read.columns.unshift("agent");
  return read;
}

export function useCustom() {
  return useKept<Custom>("fleet", USUAL, readCustom);
}
