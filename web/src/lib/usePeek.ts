import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useSearchParams } from "react-router";
import { afterPaint } from "./afterPaint";
import { useKeys } from "./keys";

export type PeekKind = "task" | "agent" | "sandbox";
export interface PeekAt {
  kind: PeekKind;
  id: string;
}

const KINDS = new Set(["task", "agent", "sandbox"]);

/** What `peek=task:ID` in an address means; null: nothing. */
export function readPeek(value: string | null): PeekAt | null {
  const at = value?.indexOf(":") ?? -1;
  if (!value || at < 1 || at === value.length - 1 || !KINDS.has(value.slice(0, at))) return null;
  return { kind: value.slice(0, at) as PeekKind, id: value.slice(at + 1) };
}

/** What is looked at in the panel on the right; it is part of the address. */
export function usePeek() {
  const [search, setSearch] = useSearchParams();
  const value = search.get("peek");
  const show = useCallback((next: string | null) => {
    setSearch((before) => {
      const after = new URLSearchParams(before);
      if (next) after.set("peek", next);
      else after.delete("peek");
      return after;
    }, { replace: value !== null || next === null });
  }, [setSearch, value]);
  return { value, at: readPeek(value), show };
}

const rowOf = (key: string) => document.querySelector<HTMLElement>(`[data-row="${CSS.escape(key)}"]`);

const TRIES = 8;

/** Gives a row the focus; one that is not made, because it is far from the window, is brought to its middle first, by what can be told from those that are. */
function focusRow(at: number, keys: string[], tries = TRIES): void {
  const row = rowOf(keys[at]!);
  if (row) return row.focus();
  const near = document.querySelector<HTMLElement>("tr[data-row]");
  const from = keys.indexOf(near?.dataset.row ?? "");
  const main = near?.closest("#main");
  if (!near || !main || from < 0 || tries === 0) return;
  const away = (at - from) * near.offsetHeight + near.getBoundingClientRect().top;
  main.scrollBy(0, away - (main.getBoundingClientRect().top + main.clientHeight / 2));
  afterPaint(() => focusRow(at, keys, tries - 1));
}

export interface RowsOf<T> {
  rows: T[];
  keyOf: (row: T) => string;
  /** What the panel shows of a row, as in the address: `task:ID`. */
  peekOf: (row: T) => string;
  onOpen: (row: T) => void;
}

const peeking = () => readPeek(new URLSearchParams(location.search).get("peek")) !== null;

/** An open panel follows a key once the row it moved to is painted. Until then the list is ahead of the address, which names what the panel shows. */
function useFollowing(value: string | null, show: (next: string | null) => void) {
  const [ahead, setAhead] = useState<string | null>(null);
  const undo = useRef<() => void>(undefined);
  const latest = useRef(show);
  useEffect(() => {
    latest.current = show;
  });
  useEffect(() => () => undo.current?.(), []);
  if (ahead !== null && ahead === value) setAhead(null);
  const { follow, stay } = useMemo(() => ({
    follow: (next: string) => {
      undo.current?.();
      setAhead(next);
      // It may have been closed meanwhile.
      undo.current = afterPaint(() => (peeking() ? latest.current(next) : setAhead(null)));
    },
    stay: () => {
      undo.current?.();
      setAhead(null);
    },
  }), []);
  return { looked: ahead ?? value, follow, stay };
}

/** A list whose rows are gone through by keys and peeked at: `j` and `k` move, and an open panel follows. */
export function useRows<T>(given: RowsOf<T>) {
  const { value, show } = usePeek();
  const { looked, follow, stay } = useFollowing(value, show);
  const [focused, setFocused] = useState<string | null>(null);
  const now = useRef({ ...given, looked, show });
  useLayoutEffect(() => {
    now.current = { ...given, looked, show };
  });
  const { rows, keyOf, peekOf } = given;
  const chosen = useMemo(() => {
    if (looked === null) return focused;
    const matching = rows.filter((row) => peekOf(row) === looked);
    const row = matching.find((one) => keyOf(one) === focused) ?? matching[0];
    return row === undefined ? null : keyOf(row);
  }, [rows, keyOf, peekOf, looked, focused]);
  const step = (by: number) => {
    if (rows.length === 0) return;
    const at = Math.min(Math.max(rows.findIndex((row) => keyOf(row) === chosen) + by, 0), rows.length - 1);
    const next = rows[at]!;
    setFocused(keyOf(next));
    focusRow(at, rows.map(keyOf));
    if (looked !== null && peekOf(next) !== looked && peeking()) follow(peekOf(next));
  };
  const arrow = (by: number) => () => {
    if (!document.activeElement?.closest(".peek")) step(by);
  };
  useKeys({ j: () => step(1), k: () => step(-1), ArrowDown: arrow(1), ArrowUp: arrow(-1) });
  const handlers = useMemo(() => {
    const peek = (row: T) => {
      const { looked: shown, show: open, peekOf: of, keyOf: key } = now.current;
      stay();
      setFocused(key(row));
      open(shown === of(row) && peeking() ? null : of(row));
    };
    return { peek, open: (row: T) => now.current.onOpen(row) };
  }, [stay]);
  return { chosen, handlers };
}

export type RowHandlers<T> = ReturnType<typeof useRows<T>>["handlers"];

/** What makes an element a row: a click on its body or Space peeks, Enter opens. Links and buttons in it stay themselves. */
export function rowProps<T>(key: string, row: T, handlers: RowHandlers<T>) {
  return {
    tabIndex: 0,
    "data-row": key,
    onClick: (event: React.MouseEvent) => {
      const inside = (event.target as Element).closest("a, button, input, label");
      if (inside && inside !== event.currentTarget) return;
      if (!getSelection()?.isCollapsed && getSelection()?.toString()) return;
      handlers.peek(row);
    },
    onDoubleClick: () => handlers.open(row),
    onKeyDown: (event: React.KeyboardEvent) => {
      if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Enter") handlers.open(row);
      else if (event.key === " ") {
        event.preventDefault();
        handlers.peek(row);
      }
    },
  };
}
