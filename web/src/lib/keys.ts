import { useEffect, useLayoutEffect, useRef } from "react";
import { create } from "zustand";
import { ACTIONS, bindings, heardAs, isSingle, keysOf, readBindings, shown, USUAL } from "./bindings";
import { useKept } from "./kept";

const SEQUENCE_MS = 1_000;
export const UNDO = "mod+z";

function typing(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement && target.type === "checkbox") return false;
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** The first key of two, while the second is waited for. */
export const usePending = create<{ first: string }>(() => ({ first: "" }));

/** What was pressed, by the name it is bound under: `x`, `C`, `mod+k`. */
export function pressed(event: KeyboardEvent): string {
  return event.ctrlKey || event.metaKey ? `mod+${event.key.toLowerCase()}` : event.key;
}

/** Single keys and two-key sequences (`g f`), and `mod+k`, as somebody bound them. They never fire while somebody types, and none fires in a terminal, whose shell has them. `early`: before those of the frame. */
export function useKeys(keys: Record<string, () => void>, early = false): void {
  const ref = useRef(keys);
  // At once: a key that comes as soon as something is seen means what is seen.
  useLayoutEffect(() => {
    ref.current = keys;
  });
  useEffect(() => {
    let first = "";
    let at = 0;
    const heard = (event: KeyboardEvent) => {
      const mod = event.ctrlKey || event.metaKey;
      if (event.target instanceof Element && event.target.closest("[data-own-keys]")) return;
      if (event.defaultPrevented || event.altKey || event.isComposing || (typing(event.target) && !mod)) return;
      if (document.querySelector("dialog[open], .menu:popover-open")) return;
      if (event.key === "Shift") return;
      const key = pressed(event);
      const given = bindings();
      const meant = (what: string) => heardAs(what, location.pathname, given);
      const pair = event.timeStamp - at < SEQUENCE_MS && first ? meant(`${first} ${key}`) : null;
      const single = meant(key);
      // What is written is taken back by the field itself, and with Shift it is done again.
      if (single === UNDO && (event.shiftKey || typing(event.target))) return;
      const action = ref.current[pair ?? ""] ?? ref.current[single ?? ""];
      first = mod ? "" : key;
      at = event.timeStamp;
      if (!action) return;
      event.preventDefault();
      first = "";
      action();
    };
    addEventListener("keydown", heard, early);
    return () => removeEventListener("keydown", heard, early);
  }, [early]);
}

/** Tells of the first key of two, for a hint; it is forgotten after a second. */
export function useSequenceHint(): void {
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const heard = (event: KeyboardEvent) => {
      clearTimeout(timer);
      const given = bindings();
      const begins = given.single && !usePending.getState().first && !typing(event.target) && !event.altKey && !document.querySelector("dialog[open]")
        && ACTIONS.some((action) => keysOf(action, given)?.startsWith(`${pressed(event)} `));
      usePending.setState({ first: begins ? pressed(event) : "" });
      if (begins) timer = setTimeout(() => usePending.setState({ first: "" }), SEQUENCE_MS);
    };
    addEventListener("keydown", heard);
    return () => {
      clearTimeout(timer);
      removeEventListener("keydown", heard);
    };
  }, []);
}

/** What actions are bound to, as a person reads it; empty: nothing. */
export function useAllShown(): (id: string) => string {
  const [given] = useKept("keys", USUAL, readBindings);
  return (id) => {
    const action = ACTIONS.find((one) => one.id === id);
    const keys = action ? keysOf(action, given) : null;
    return keys === null || (!given.single && isSingle(keys)) ? "" : shown(keys);
  };
}

export function useShown(id: string): string {
  return useAllShown()(id);
}
