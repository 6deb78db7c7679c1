import { plural } from "./format";

export interface Figures {
  waiting: number;
  succeeded: number;
  failed: number;
}

/** What came since, in a sentence or two for whoever hears the page; empty: nothing to tell. */
export function newsOf(before: Figures, now: Figures): string {
  const [done, broke] = [now.succeeded - before.succeeded, now.failed - before.failed];
  return [
    now.waiting > before.waiting ? `${now.waiting} waiting on you.` : "",
    done > 0 ? `${plural(done, "task")} finished.` : "",
    broke > 0 ? `${plural(broke, "task")} failed.` : "",
  ].filter(Boolean).join(" ");
}
