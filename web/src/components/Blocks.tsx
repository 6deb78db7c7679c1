import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { waitersOf } from "@/api/queries";
import type { TaskRow } from "@/api/types";
import { plural } from "@/lib/format";
import { visible } from "@/lib/visible";

const NAMED = 3;

/** How many open tasks wait for one, and which. */
export function Blocks({ task }: { task: Pick<TaskRow, "id" | "blocks"> }) {
  const rows = useQuery({ ...waitersOf(task.id), enabled: task.blocks > 0 }).data?.items ?? [];
  if (task.blocks === 0) return null;
  const more = task.blocks - Math.min(rows.length, NAMED);
  return (
    <span className="blocks">
      <Link className="link" to={`/tasks?state=open&depends_on=${task.id}`}>blocks {plural(task.blocks, "task")}</Link>
      {rows.slice(0, NAMED).map((row, at) => <span key={row.id}>{at > 0 ? ", " : ": "}<Link className="link" to={`/tasks/${row.id}`}>{visible(row.title)}</Link></span>)}
      {rows.length > 0 && more > 0 ? ` and ${more} more` : null}
    </span>
  );
}
