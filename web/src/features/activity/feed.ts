import { answer, api } from "@/api/client";
import type { Activity } from "@/api/operate";
import { toCsv } from "@/lib/csv";
import { minuteWithZone } from "@/lib/format";

export interface Filter {
  agent?: string;
  task?: string;
  project?: string;
  kind?: string[];
}

/** What may be asked for by name; each is a noun of events, or one kind. */
export const ACTIONS: [string, string][] = [
  ["", "Everything"], ["task", "Tasks"], ["task.submitted", "  queued"], ["task.cancelled", "  cancelled"], ["task.requeued", "  queued again"], ["task.archived", "  archived"],
  ["attempt", "Attempts"], ["attempt.started", "  started"], ["attempt.succeeded", "  succeeded"], ["attempt.failed", "  failed"], ["attempt.warned", "  went silent"],
  ["project", "Projects"], ["project.allocated", "  capital"], ["queue", "Queues"], ["session", "Work sessions"], ["agent", "Agents"], ["provider", "Model providers"], ["activity", "Entries of people and agents"],
];

export const PAGE = 100;
const EXPORTED = 20_000;

export function page(filter: Filter, cursor: string | undefined, limit = PAGE) {
  return answer(api.GET("/api/v1/activities", { params: { query: { ...filter, cursor, limit } } }));
}

export interface Minute {
  key: string;
  label: string;
  items: Activity[];
}

/** Entries, newest first, by the minute in which they happened. */
export function byMinute(items: Activity[]): Minute[] {
  const minutes: Minute[] = [];
  for (const item of items) {
    const key = item.at.slice(0, 16);
    const at = minutes.at(-1);
    if (at?.key === key) at.items.push(item);
    else minutes.push({ key, label: minuteWithZone(new Date(item.at)), items: [item] });
  }
  return minutes;
}

/** What arrived after what is shown; the ids say what is new, as positions are not told. */
export function freshOf(newest: Activity[], shown: Activity[]): Activity[] {
  const known = new Set(shown.slice(0, PAGE).map((item) => item.id));
  return newest.filter((item) => !known.has(item.id) && (shown[0] === undefined || item.at >= shown[0].at));
}

/** All that a filter lets through, up to 20,000 entries, as CSV; times are UTC. */
export async function exportCsv(filter: Filter): Promise<{ text: string; count: number; more: boolean }> {
  const rows: unknown[][] = [];
  let cursor: string | undefined;
  do {
    const found = await page(filter, cursor, 200);
    rows.push(...found.items.map((item) => [item.at, item.kind, item.title, item.description, item.agent_id, item.task_id, item.project_id, item.id]));
    cursor = found.next_cursor ?? undefined;
  } while (cursor && rows.length < EXPORTED);
  return { text: toCsv(["at (UTC)", "action", "what", "details", "agent", "task", "project", "id"], rows), count: rows.length, more: cursor !== undefined };
}
