import { useCallback, useMemo, useSyncExternalStore } from "react";

const CHANGED = "muster-kept";

function listen(changed: () => void): () => void {
  addEventListener("storage", changed);
  addEventListener(CHANGED, changed);
  return () => {
    removeEventListener("storage", changed);
    removeEventListener(CHANGED, changed);
  };
}

/** A value kept in this browser under a name, in step over all windows; null puts the usual one back. */
export function useKept<T>(name: string, usual: T, read: (value: unknown) => T | null): [T, (value: T | null) => void] {
  const key = `muster.${name}`;
  const text = useSyncExternalStore(listen, () => localStorage.getItem(key));
  const value = useMemo(() => parsed(text, read) ?? usual, [text, read, usual]);
  const set = useCallback((next: T | null) => {
    if (next === null) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(next));
    dispatchEvent(new Event(CHANGED));
  }, [key]);
  return [value, set];
}

function parsed<T>(text: string | null, read: (value: unknown) => T | null): T | null {
  if (text === null) return null;
  try {
    return read(JSON.parse(text));
  } catch {
    return null;
  }
}
