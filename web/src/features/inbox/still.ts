import { useEffect, useRef, useState } from "react";
import type { Item } from "./items";

export interface Held {
  rows: Item[];
  /** Those that belong here no longer and go when nobody points at the list. */
  gone: ReadonlySet<string>;
  /** How many wait to be put in. */
  more: number;
}

/** What was shown, with what is known now: every row keeps its place, what came since waits. */
export function heldOf(shown: Item[], now: Item[]): Held {
  const fresh = new Map(now.map((item) => [item.id, item]));
  const known = new Set(shown.map((item) => item.id));
  return {
    rows: shown.map((item) => fresh.get(item.id) ?? item),
    gone: new Set(shown.filter((item) => !fresh.has(item.id)).map((item) => item.id)),
    more: now.filter((item) => !known.has(item.id)).length,
  };
}

interface Still extends Held {
  insert: () => void;
}

/** The rows to show: nothing moves in the list while somebody points at it or is in it, unless they ask for it. `tab`: another one is another list. */
export function useStill(now: Item[], held: boolean, tab: string): Still {
  const shown = useRef({ tab, rows: now });
  const [asked, setAsked] = useState(0);
  const seen = useRef(asked);
  const stays = held && shown.current.tab === tab && seen.current === asked && shown.current.rows.length > 0;
  const result: Held = stays ? heldOf(shown.current.rows, now) : { rows: now, gone: NOTHING, more: 0 };
  useEffect(() => {
    shown.current = { tab, rows: result.rows };
    seen.current = asked;
  });
  return { ...result, insert: () => setAsked((before) => before + 1) };
}

const NOTHING: ReadonlySet<string> = new Set();
