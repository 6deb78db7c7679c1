import { Ellipsis } from "lucide-react";
import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import { extended, NOTHING, type Picked, still, toggled } from "@/lib/picking";

type Box = RefObject<HTMLElement | null>;

interface PickingOf<T> {
  /** Around the rows. */
  box: Box;
  rows: T[];
  keyOf: (row: T) => string;
  /** The row that keys are about. */
  chosen: string | null;
  picked: Picked;
  onPick: (picked: Picked) => void;
  /** Where a menu for a row was asked for. */
  onMenu: (key: string, x: number, y: number) => void;
  /** A panel is open, which Escape closes first. */
  peeking: boolean;
}

export function focusedRow(): string | undefined {
  return document.activeElement?.closest<HTMLElement>("[data-row]")?.dataset.row;
}

/** Rows of a list are picked by pointer and keys: what is picked, and the keys for it. */
export function usePicking<T>({ box, rows, keyOf, chosen, picked: before, onPick, onMenu, peeking }: PickingOf<T>) {
  const order = rows.map(keyOf);
  const picked = still(before, order);
  usePointing(box, {
    menu: onMenu,
    toggle: (key) => onPick(toggled(picked, key)),
    extend: (key) => onPick(extended(picked, key, order)),
    step: (key, by) => {
      const next = order[Math.min(Math.max(order.indexOf(key) + by, 0), order.length - 1)]!;
      onPick(extended(picked.from === null ? toggled(picked, key) : picked, next, order));
      box.current?.querySelector<HTMLElement>(`[data-row="${CSS.escape(next)}"]`)?.focus();
    },
  });
  const keys: Record<string, () => void> = {
    x: () => { const key = focusedRow() ?? chosen; if (key && order.includes(key)) onPick(toggled(picked, key)); },
    "mod+a": () => onPick({ keys: new Set(order), from: order[0] ?? null }),
    ...(picked.keys.size > 0 && !peeking ? { Escape: () => onPick(NOTHING) } : {}),
  };
  return { chose: rows.filter((row) => picked.keys.has(keyOf(row))), keys };
}

interface Pointing {
  menu: (key: string, x: number, y: number) => void;
  toggle: (key: string) => void;
  extend: (key: string) => void;
  step: (key: string, by: number) => void;
}

const rowOf = (event: Event) => (event.target as Element).closest<HTMLElement>("[data-row]");

/** Hears of rows before they do: a click with Ctrl or Shift picks, the other button and the key for menus open one, Shift with an arrow extends. */
function usePointing(box: Box, given: Pointing): void {
  const now = useRef(given);
  useLayoutEffect(() => {
    now.current = given;
  });
  useEffect(() => {
    const around = box.current;
    if (!around) return;
    const stop = new AbortController();
    const options = { capture: true, signal: stop.signal };
    const mine = (event: Event) => { event.preventDefault(); event.stopPropagation(); };
    around.addEventListener("mousedown", (event) => { if (event.shiftKey && rowOf(event)) event.preventDefault(); }, options);
    around.addEventListener("click", (event) => {
      const key = rowOf(event)?.dataset.row;
      if (!key || (event.target as Element).closest("a") || !(event.shiftKey || event.ctrlKey || event.metaKey)) return;
      mine(event);
      if (event.shiftKey) now.current.extend(key); else now.current.toggle(key);
    }, options);
    around.addEventListener("contextmenu", (event) => {
      const row = rowOf(event);
      if (!row?.dataset.row || (event.target as Element).closest("a")) return;
      mine(event);
      const at = row.getBoundingClientRect();
      const pointed = event.clientX > 0 || event.clientY > 0;
      now.current.menu(row.dataset.row, pointed ? event.clientX : at.left + 24, pointed ? event.clientY : at.bottom);
    }, options);
    around.addEventListener("keydown", (event) => {
      const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const key = rowOf(event)?.dataset.row;
      if (!event.shiftKey || !by || !key) return;
      mine(event);
      now.current.step(key, by);
    }, options);
    return () => stop.abort();
  }, [box]);
}

/** One button for all rows: it stands at the end of the one that is pointed at. */
export function Dots({ box, name, onOpen }: { box: Box; name: (key: string) => string | undefined; onOpen: (key: string, x: number, y: number) => void }) {
  const [on, setOn] = useState<{ key: string; left: number; top: number } | null>(null);
  useEffect(() => {
    const around = box.current;
    if (!around) return;
    const stop = new AbortController();
    const scroller = around.closest("#main");
    around.addEventListener("pointerover", (event) => {
      const row = event.pointerType === "mouse" ? rowOf(event) : null;
      const at = row?.matches("tr") ? row.getBoundingClientRect() : null;
      if (at && row?.dataset.row) setOn({ key: row.dataset.row, left: at.right - 30, top: at.top + at.height / 2 - 12 });
    }, { signal: stop.signal });
    around.addEventListener("pointerleave", (event) => { if (!(event.relatedTarget as Element | null)?.closest?.(".rowdots")) setOn(null); }, { signal: stop.signal });
    scroller?.addEventListener("scroll", () => setOn(null), { signal: stop.signal, passive: true });
    return () => stop.abort();
  }, [box]);
  const called = on ? name(on.key) : undefined;
  if (!on || called === undefined) return null;
  return (
    <button
      type="button" className="ib rowdots" tabIndex={-1} style={{ left: on.left, top: on.top }} aria-label={`Actions of ${called}`} onPointerLeave={(event) => { if (!box.current?.contains(event.relatedTarget as Node | null)) setOn(null); }}
      onClick={(event) => { const at = event.currentTarget.getBoundingClientRect(); onOpen(on.key, at.right - 180, at.bottom + 4); }}
    >
      <Ellipsis size={14} />
    </button>
  );
}
