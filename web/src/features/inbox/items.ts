import type { Approval, TaskRow } from "@/api/types";

/** Kinds of items. A further one (reviews of results) is a line in KINDS, a case in `itemsOf` and a detail in the page. */
export type ItemKind = "permission" | "question" | "problem" | "expired";
export type Kind = "all" | ItemKind | "snoozed";

export interface Item {
  id: string;
  kind: ItemKind;
  approval?: Approval;
  task?: TaskRow;
}

export const KINDS: [Kind, string][] = [["all", "All"], ["permission", "Approvals"], ["question", "Questions"], ["problem", "Problems"]];
const DAY_MS = 86_400_000;

/** What blocks, the soonest end first and then the oldest; what failed, and what waits for it in vain; what expired within a day. */
export function itemsOf(approvals: Approval[], failed: TaskRow[], recent: Approval[], now: number, stuck: TaskRow[] = []): Item[] {
  const sorted = [...approvals].sort((a, b) => (a.expires_at ?? "9").localeCompare(b.expires_at ?? "9") || a.created_at.localeCompare(b.created_at));
  const late = recent.filter((approval) => approval.outcome === "expired" && now - Date.parse(approval.finished_at ?? "") < DAY_MS);
  return [
    ...sorted.map((approval) => ({ id: approval.id, kind: approval.kind, approval })),
    ...[...failed, ...stuck].map((task) => ({ id: task.id, kind: "problem" as const, task })),
    ...late.map((approval) => ({ id: approval.id, kind: "expired" as const, approval })),
  ];
}

export type Snoozed = Record<string, number>;

/** Snoozed items that are kept: the server takes so much and no more. */
const MOST_SNOOZED = 200;

/** What is snoozed, with one item until a moment, or not any more; what is over is forgotten. */
export function kept(snoozed: Snoozed, one: string, until: number | null, now: number): Snoozed | null {
  const others = Object.entries(snoozed).filter(([other, end]) => other !== one && end > now);
  const all = [...others, ...(until === null ? [] : [[one, until] as const])].slice(-MOST_SNOOZED);
  return all.length > 0 ? Object.fromEntries(all) : null;
}

/** The items of a tab; what is snoozed is in a tab of its own until its time is over. */
export function shownOf(items: Item[], kind: Kind, snoozed: Snoozed, now: number): Item[] {
  const sleeps = (item: Item) => (snoozed[item.id] ?? 0) > now;
  if (kind === "snoozed") return items.filter(sleeps);
  return items.filter((item) => !sleeps(item) && (kind === "all" || item.kind === kind));
}

/** Only what is of low risk is approved together. */
export function together(items: Item[], selected: ReadonlySet<string>): Approval[] {
  return items.flatMap(({ id, approval }) => (selected.has(id) && approval?.state === "pending" && approval.risk?.level === "low" ? [approval] : []));
}

export function readSnoozed(value: unknown): Snoozed | null {
  if (typeof value !== "object" || value === null) return null;
  return Object.fromEntries(Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === "number"));
}
