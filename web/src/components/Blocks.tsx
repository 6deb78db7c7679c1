import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { waitersOf } from "@/api/queries";
import type { TaskRow } from "@/api/types";
import { plural } from "@/lib/format";
import { visible } from "@/lib/visible";

const NAMED = 3;

interface BlocksProps {
  task: Pick<TaskRow, "id" | "blocks">;
  /** Whether to ask even when nobody waited: for one that is shown alone and hears of others late. */
  ask?: boolean;
  /** What stands before. */
  lead?: string;
}

/** How many open tasks wait for one, and which. */
export function Blocks({ task, ask = task.blocks > 0, lead = "" }: BlocksProps) {
  const { data } = useQuery({ ...waitersOf(task.id), enabled: ask });
  const rows = data?.items ?? [];
  const amount = data && data.next_cursor === null ? rows.length : Math.max(task.blocks, rows.length);
  if (amount === 0) return null;
  const more = amount - Math.min(rows.length, NAMED);
  return (
    <span>
      {lead}<Link className="link" to={`/tasks?state=open&depends_on=${task.id}`}>blocks {plural(amount, "task")}</Link>
      {rows.slice(0, NAMED).map((row, at) => <span key={row.id}>{at > 0 ? ", " : ": "}<Link className="link" to={`/tasks/${row.id}`}>{visible(row.title)}</Link></span>)}
      {rows.length > 0 && more > 0 ? ` and ${more} more` : null}
    </span>
  );
}
