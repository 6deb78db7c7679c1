import { useSyncExternalStore } from "react";

/** One timer for everything that ticks; it stands while nobody looks. */
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
let now = Date.now();
/** How far the server's clock is ahead of this one, in milliseconds. */
let ahead = 0;

export function setServerTime(at: string): void {
  const server = Date.parse(at);
  if (!Number.isNaN(server)) ahead = server - Date.now();
}

function tick(): void {
  if (document.hidden) return;
  now = Date.now();
  for (const listener of listeners) listener();
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(tick, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The server's time in milliseconds, anew every second. */
export function useNow(): number {
  return useSyncExternalStore(listen, () => now) + ahead;
}

/** What is told of the server's time: what shows it is drawn again only when its words are others, not every second. */
export function useTold(words: (now: number) => string): string {
  return useSyncExternalStore(listen, () => words(now + ahead));
}
