import type { Approval, TaskRow } from "@/api/types";
import { isOpen } from "@/lib/states";

export type Grouping = "state" | "project" | "queue" | "priority";
export type Place = "queued" | "running" | "waiting" | "review" | "done" | "archive" | "cancel";
export const GROUPINGS: [Grouping, string][] = [["state", "State"], ["project", "Project"], ["queue", "Queue"], ["priority", "Priority"]];

export interface Column {
  key: string;
  label: string;
  /** What a drop means; a place of the flow, or a value of the field the board is grouped by. */
  target: Target;
  cards: TaskRow[];
}

export type Target =
  | { kind: "place"; place: Place }
  | { kind: "project" | "queue" | "priority"; value: string; label: string };

/** What a drop does, or why it does nothing. */
export type Verdict =
  | { does: "requeue" | "archive" | "cancel" | "seen"; says: string }
  | { does: "move"; beside: string; edge: "before" | "after"; says: string }
  | { does: "change"; change: { project: string } | { queue: string } | { priority: TaskRow["priority"] }; says: string }
  | { refused: string };

export function placeOf(task: TaskRow, asked: ReadonlyMap<string, Approval>): Place {
  if (!isOpen(task)) return task.review === "pending" || task.review === "unseen" ? "review" : "done";
  if (task.state === "running") return asked.has(task.id) ? "waiting" : "running";
  return "queued";
}

/** What becomes of a task that is dropped there. `beside` is the card below the pointer, if there is one. */
export function verdict(task: TaskRow, from: Place, target: Target, beside?: { task: TaskRow; edge: "before" | "after" }): Verdict {
  if (target.kind !== "place") return changed(task, target);
  switch (target.place) {
    case "queued":
      return intoQueue(task, from, beside);
    case "running":
      return { refused: from === "queued" ? "Workers take tasks themselves; put it first in its queue instead." : from === "done" || from === "review" ? "Queue it again; a worker takes it then." : "It runs already." };
    case "waiting":
      return { refused: "A task waits for a person only when its agent asks." };
    case "review":
      return { refused: "Work comes here by itself, once it is done and nobody has looked at it." };
    case "done":
      if (from === "review" && task.review === "unseen") return { does: "seen", says: "Set aside; its branch stays" };
      if (from === "review") return { refused: "Approve or reject it first: open its changes." };
      return { refused: from === "done" ? "It is done already." : "Only whoever runs it can say that it is done." };
    case "archive":
      return from === "done" || from === "review" ? { does: "archive", says: "Archived" } : { refused: "Only finished tasks can be archived; cancel it first." };
    case "cancel":
      return from === "done" || from === "review" ? { refused: "It is finished." } : { does: "cancel", says: "Cancelled" };
  }
}

function intoQueue(task: TaskRow, from: Place, beside?: { task: TaskRow; edge: "before" | "after" }): Verdict {
  if (from === "done" || from === "review") return { does: "requeue", says: "Queued again, its attempts counted anew" };
  if (from !== "queued") return { refused: "It runs; cancel it first, then queue it again." };
  if (!beside || beside.task.id === task.id) return { refused: "It waits there already." };
  if (beside.task.queue_id !== task.queue_id) return { refused: `Order is kept within a queue: one waits in ${task.queue}, the other in ${beside.task.queue}.` };
  return { does: "move", beside: beside.task.id, edge: beside.edge, says: "Moved in its queue" };
}

function changed(task: TaskRow, target: Exclude<Target, { kind: "place" }>): Verdict {
  const now = { project: task.project_id, queue: task.queue_id, priority: task.priority }[target.kind];
  if (now === target.value) return { refused: "It is there already." };
  if (target.kind === "priority") return { does: "change", change: { priority: target.value as TaskRow["priority"] }, says: `${target.label} priority` };
  const waits = isOpen(task) && task.state !== "running";
  if (!waits) return { refused: `A task can change its ${target.kind} only while it waits.` };
  return { does: "change", change: target.kind === "project" ? { project: target.value } : { queue: target.value }, says: `It is in ${target.label} now` };
}

const PRIORITIES: TaskRow["priority"][] = ["urgent", "high", "medium", "low"];
const title = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

/** The columns of a board; `named` are projects or queues that get one even when nothing is in them. */
export function columnsOf(tasks: TaskRow[], by: Grouping, asked: ReadonlyMap<string, Approval>, named: { id: string; name: string }[] = []): Column[] {
  if (by === "state") {
    const at = (place: Place) => tasks.filter((task) => placeOf(task, asked) === place);
    return ([["queued", "Queued"], ["running", "Running"], ["waiting", "Waiting"], ["review", "Review"], ["done", "Ended today"]] as const).map(([place, label]) => ({ key: place, label, target: { kind: "place", place }, cards: at(place) }));
  }
  if (by === "priority") {
    return PRIORITIES.map((value) => ({ key: value, label: title(value), target: { kind: "priority", value, label: title(value) }, cards: tasks.filter((task) => task.priority === value) }));
  }
  const found = new Map<string, Column>();
  const column = (value: string, label: string) => {
    if (!found.has(value)) found.set(value, { key: value, label, target: { kind: by, value, label }, cards: [] });
    return found.get(value)!;
  };
  for (const one of named) column(one.id, one.name);
  for (const task of tasks) (by === "project" ? column(task.project_id, task.project) : column(task.queue_id, task.queue)).cards.push(task);
  return [...found.values()].sort((a, b) => b.cards.length - a.cards.length || a.label.localeCompare(b.label));
}
