import { useCallback, useMemo, useSyncExternalStore } from "react";

const CHANGED = "muster-kept";
const PREFIX = "muster.";

/** A change of a kept value: of which name, and whether somebody made it here or it came from elsewhere. */
interface Change {
  name: string;
  mine: boolean;
}

/** What is kept under a name in this browser; undefined: nothing. Words stand there as they are, everything else as JSON. */
export function readKept(name: string): unknown {
  return decoded(localStorage.getItem(PREFIX + name));
}

/** Keep a value under a name; null: the usual one again. `mine`: somebody chose it in this window, so that the server is told. */
export function writeKept(name: string, value: unknown, mine = true): void {
  if (value === null || value === undefined) localStorage.removeItem(PREFIX + name);
  else localStorage.setItem(PREFIX + name, typeof value === "string" ? value : JSON.stringify(value));
  dispatchEvent(new CustomEvent<Change>(CHANGED, { detail: { name, mine } }));
}

export function keptNames(): string[] {
  return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX)).map((key) => key.slice(PREFIX.length));
}

/** Calls `changed` whenever something kept changes, in this window or in another; undo it by calling the answer. */
export function onKept(changed: (change: Change) => void): () => void {
  const here = (event: Event) => changed((event as CustomEvent<Change>).detail);
  const elsewhere = (event: StorageEvent) => {
    if (event.key?.startsWith(PREFIX)) changed({ name: event.key.slice(PREFIX.length), mine: false });
  };
  addEventListener(CHANGED, here);
  addEventListener("storage", elsewhere);
  return () => {
    removeEventListener(CHANGED, here);
    removeEventListener("storage", elsewhere);
  };
}

/** A value kept under a name, in step over all windows; null puts the usual one back. */
export function useKept<T>(name: string, usual: T, read: (value: unknown) => T | null): [T, (value: T | null) => void] {
  const text = useSyncExternalStore(onKept, () => localStorage.getItem(PREFIX + name));
  const value = useMemo(() => (text === null ? null : read(decoded(text))) ?? usual, [text, read, usual]);
  const set = useCallback((next: T | null) => writeKept(name, next), [name]);
  return [value, set];
}

function decoded(text: string | null): unknown {
  if (text === null) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
