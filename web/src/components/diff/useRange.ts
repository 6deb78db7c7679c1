import { type KeyboardEvent, type PointerEvent, type RefObject, useRef } from "react";
import type { Side } from "./DiffLines";

type Comment = (side: Side, first: number, last: number) => void;
interface Spot {
  side: Side;
  line: number;
}

const SELECTED = "sel";

function spotOf(cell: HTMLElement | null | undefined): Spot | null {
  const line = Number(cell?.dataset.n);
  return cell && line ? { side: cell.dataset.s as Side, line } : null;
}

/** The line of a row to speak of: as it is now, else as it was. */
function spotIn(row: Element | null): Spot | null {
  return spotOf(row?.querySelector<HTMLElement>("td[data-s=new]")) ?? spotOf(row?.querySelector<HTMLElement>("td[data-s=old]"));
}

function nextRow(row: Element, way: "nextElementSibling" | "previousElementSibling"): HTMLElement | null {
  let at: Element | null = row[way];
  while (at && !at.hasAttribute("data-row")) at = at[way];
  return at as HTMLElement | null;
}

/** Lines of a diff are chosen by a drag along their numbers, or one by one with the arrow keys and `c`. */
export function useRange(table: RefObject<HTMLTableElement | null>, onComment: Comment | undefined) {
  const from = useRef<Spot | null>(null);
  const to = useRef<Spot | null>(null);
  if (!onComment) return {};
  const mark = () => {
    const [a, b] = [from.current?.line ?? 0, to.current?.line ?? 0];
    for (const cell of table.current?.querySelectorAll<HTMLElement>(`td[data-s=${from.current?.side ?? "new"}]`) ?? []) {
      const line = Number(cell.dataset.n);
      cell.classList.toggle(SELECTED, from.current !== null && line >= Math.min(a, b) && line <= Math.max(a, b));
    }
  };
  const clear = () => {
    for (const cell of table.current?.querySelectorAll(`.${SELECTED}`) ?? []) cell.classList.remove(SELECTED);
    from.current = to.current = null;
  };
  return {
    onPointerDown: (event: PointerEvent) => {
      const spot = event.button === 0 ? spotOf((event.target as Element).closest<HTMLElement>("td[data-n]")) : null;
      if (!spot) return;
      event.preventDefault();
      from.current = to.current = spot;
      mark();
    },
    onPointerMove: (event: PointerEvent) => {
      if (!from.current) return;
      const row = document.elementFromPoint(event.clientX, event.clientY)?.closest("tr");
      const spot = spotOf(row?.querySelector<HTMLElement>(`td[data-s=${from.current.side}]`));
      if (!spot || spot.line === to.current?.line) return;
      to.current = spot;
      mark();
    },
    onPointerLeave: clear,
    onPointerUp: () => {
      const [a, b] = [from.current, to.current];
      clear();
      if (a && b) onComment(a.side, Math.min(a.line, b.line), Math.max(a.line, b.line));
    },
    onKeyDown: (event: KeyboardEvent) => {
      const row = event.target as HTMLElement;
      if (!row.hasAttribute("data-row") || event.ctrlKey || event.metaKey || event.altKey) return;
      const spot = event.key === "c" ? spotIn(row) : null;
      const next = event.key === "ArrowDown" ? nextRow(row, "nextElementSibling") : event.key === "ArrowUp" ? nextRow(row, "previousElementSibling") : null;
      if (!spot && !next) return;
      event.preventDefault();
      if (spot) onComment(spot.side, spot.line, spot.line);
      next?.focus();
    },
  };
}
