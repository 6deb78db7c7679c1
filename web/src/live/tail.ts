import { useEffect, useRef, useState } from "react";
import { answer, api } from "@/api/client";
import type { KeptEntry, LogLine } from "@/api/types";
import { pauses, rateOf } from "@/lib/rates";

/** Lines that are kept in memory; older ones are the server's to give. */
export const KEPT = 5_000;
const WAIT_SECONDS = 20;
const RETRY_MS = 2_000;

export interface Tail<T> {
  items: T[];
  /** Position of the first item that is here. */
  first: number;
  total: number;
  finished: boolean;
  loading: boolean;
  error: unknown;
}

interface Page<T> {
  items: T[];
  next: number;
  total: number;
  finished: boolean;
}

type Fetch<T> = (after: number | null, waitSeconds: number, signal: AbortSignal) => Promise<Page<T>>;

const EMPTY = { items: [], first: 0, total: 0, finished: false, loading: true, error: null };

function seen(signal: AbortSignal): Promise<void> {
  if (!document.hidden || !pauses()) return Promise.resolve();
  return new Promise((done) => document.addEventListener("visibilitychange", () => done(), { once: true, signal }));
}

const pause = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));

/** What grows at its end, asked for again and again; each answer comes as soon as there is something new. */
function useTail<T extends { position: number }>(key: string | null, fetchPage: Fetch<T>): Tail<T> & { prepend: (items: T[]) => void } {
  const [tail, setTail] = useState<Tail<T>>(EMPTY);
  const ref = useRef(fetchPage);
  useEffect(() => {
    ref.current = fetchPage;
  });
  useEffect(() => {
    if (key === null) {
      setTail({ ...EMPTY, loading: false });
      return;
    }
    const control = new AbortController();
    const { signal } = control;
    setTail(EMPTY);
    const follow = async () => {
      let after: number | null = null;
      while (!signal.aborted) {
        try {
          await seen(signal);
          const page: Page<T> = await ref.current(after, after === null ? 0 : WAIT_SECONDS, signal);
          if (signal.aborted) return;
          setTail((before) => grown(before, page, after === null));
          after = page.next;
          if (page.finished && page.next >= page.total) return;
          await pause(rateOf("streams"));
        } catch (error) {
          if (signal.aborted) return;
          setTail((before) => ({ ...before, loading: false, error }));
          await pause(RETRY_MS);
        }
      }
    };
    void follow();
    return () => control.abort();
  }, [key]);
  return {
    ...tail,
    prepend: (items) => setTail((before) => ({ ...before, items: [...items, ...before.items], first: items[0]?.position ?? before.first })),
  };
}

function grown<T extends { position: number }>(before: Tail<T>, page: Page<T>, fresh: boolean): Tail<T> {
  const items = fresh ? page.items : page.items.length === 0 ? before.items : [...before.items, ...page.items].slice(-KEPT);
  return { items, first: items[0]?.position ?? 0, total: Math.max(page.total, page.next), finished: page.finished, loading: false, error: null };
}

/** The output of an attempt, the last lines first. `attempt` 0: there is none yet. */
export function useOutput(task: string, attempt: number) {
  return useTail<LogLine>(attempt > 0 ? `${task}/${attempt}` : null, async (after, wait, signal) => {
    const query = after === null ? { attempt, tail: 1_000 } : { attempt, after, limit: 1_000, wait_seconds: wait };
    const page = await answer(api.GET("/api/v1/tasks/{task_id}/logs", { params: { path: { task_id: task }, query }, signal }));
    return { items: page.items, next: page.next_after, total: page.total, finished: page.finished };
  });
}

const NEWEST = 200;

async function entries(task: string, attempt: number, after: number, limit: number, wait: number, signal?: AbortSignal) {
  const page = await answer(
    api.GET("/api/v1/tasks/{task_id}/conversation", { params: { path: { task_id: task }, query: { attempt, after, limit, wait_seconds: wait } }, signal }),
  );
  // The call can answer a document too; this one asks for JSON.
  return page as Exclude<typeof page, string>;
}

/** What an agent says and does, the newest first; `earlier` fetches those before. `known` is how many there are as far as known. */
export function useConversation(task: string, attempt: number, known: number) {
  const start = Math.max(known - NEWEST, 0);
  const tail = useTail<KeptEntry>(attempt > 0 ? `${task}/${attempt}` : null, async (after, wait, signal) => {
    const page = await entries(task, attempt, after ?? start, 500, wait, signal);
    return { items: page.items, next: page.next_after, total: page.total, finished: page.finished };
  });
  const earlier = async (arrived?: () => void) => {
    const from = Math.max(tail.first - NEWEST, 0);
    const page = await entries(task, attempt, from, tail.first - from, 0);
    arrived?.();
    tail.prepend(page.items);
  };
  return { ...tail, earlier };
}
