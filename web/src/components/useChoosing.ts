import { type KeyboardEvent, useState } from "react";
import { bindings, heardAs } from "@/lib/bindings";
import { pressed } from "@/lib/keys";
import { extended, NOTHING, still, toggled } from "@/lib/picking";

const focusOf = (id: string) => {
  const row = document.querySelector<HTMLElement>(`[data-row="${CSS.escape(id)}"]`);
  (row?.tabIndex === 0 ? row : row?.querySelector<HTMLElement>("a"))?.focus();
};

export interface Choosing {
  /** Those of the list that are chosen, in its order. */
  chosen: string[];
  isChosen: (id: string) => boolean;
  /** `range`: all from the one before to this one. */
  toggle: (id: string, range?: boolean) => void;
  clear: () => void;
  /** For the element around the rows: `x`, Shift with an arrow, all, none. */
  onKeyDown: (event: KeyboardEvent) => void;
}

/** Choosing several of a list; `ids` are those that can be chosen, and rows say theirs by `data-row`. */
export function useChoosing(ids: readonly string[]): Choosing {
  const [kept, pick] = useState(NOTHING);
  const picked = still(kept, ids);
  const chosen = ids.filter((id) => picked.keys.has(id));
  const toggle = (id: string, range = false) => {
    if (ids.includes(id)) pick(range ? extended(picked, id, ids) : toggled(picked, id));
  };
  const clear = () => pick(NOTHING);
  const extend = (id: string, by: 1 | -1) => {
    const next = ids[ids.indexOf(id) + by];
    pick(extended(extended(picked, id, ids), next ?? id, ids));
    if (next) focusOf(next);
  };
  const heard = (event: KeyboardEvent): boolean => {
    const id = (event.target as Element).closest<HTMLElement>("[data-row]")?.dataset.row;
    const mine = id !== undefined && ids.includes(id);
    if (event.shiftKey && mine && (event.key === "ArrowDown" || event.key === "ArrowUp")) extend(id, event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Escape" && chosen.length > 0) clear();
    else {
      const meant = heardAs(pressed(event.nativeEvent), location.pathname, bindings());
      if (meant === "x" && mine) toggle(id);
      else if (meant === "mod+a") pick({ keys: new Set(ids), from: ids[0] ?? null });
      else return false;
    }
    return true;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (!event.altKey && !event.defaultPrevented && heard(event)) event.preventDefault();
  };
  return { chosen, isChosen: (id) => picked.keys.has(id), toggle, clear, onKeyDown };
}
