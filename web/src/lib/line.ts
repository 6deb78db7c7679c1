import type { TaskRow } from "@/api/types";

/** The line with a task put before or after another one. */
export function put(rows: TaskRow[], task: string, beside: string, edge: "before" | "after"): TaskRow[] {
  const moved = rows.find((row) => row.id === task);
  const target = rows.find((row) => row.id === beside);
  if (!moved || !target || task === beside) return rows;
  const rest = rows.filter((row) => row.id !== task);
  const at = rest.indexOf(target) + (edge === "after" ? 1 : 0);
  return [...rest.slice(0, at), { ...moved, priority: target.priority }, ...rest.slice(at)];
}
