import { useQueries } from "@tanstack/react-query";
import { Link } from "react-router";
import { task as taskQuery } from "@/api/queries";
import type { Task } from "@/api/types";
import { CancelTask, Requeue } from "@/components/peek/CancelTask";
import { StateChip, StateGlyph } from "@/components/StateGlyph";
import { TimeAgo } from "@/components/TimeAgo";
import { seenTask } from "@/lib/states";
import { visible } from "@/lib/visible";

/** An open task that waits for what will not be done: what that is, and the two ways on. */
export function Stuck({ task }: { task: Task }) {
  const named = task.waiting?.code === "dependency_failed" ? (task.waiting.details.tasks as string[]) : [];
  const blockers = useQueries({ queries: named.map((id) => taskQuery(id)) }).flatMap(({ data }) => (data ? [data] : []));
  return (
    <section className="card pan" style={{ padding: "12px 14px" }}>
      <div style={{ display: "flex", gap: 8, alignItems: "center", fontSize: 12.5 }} className="sub"><StateChip {...seenTask(task, false)} />queued <TimeAgo at={task.created_at} /></div>
      <h2 style={{ padding: "8px 0 4px", minHeight: 0, fontSize: 15 }}>{visible(task.title)}</h2>
      <p className="sub">{task.waiting?.message}</p>
      <ul style={{ marginTop: 8 }}>
        {blockers.map((one) => {
          const { state, word } = seenTask(one, false);
          return <li key={one.id} className="sub" style={{ display: "flex", gap: 8, alignItems: "center", minHeight: 32 }}><StateGlyph state={state} label={word} /><Link className="link cut" to={`/tasks/${one.id}`}>{visible(one.title)}</Link><Requeue task={one.id} /></li>;
        })}
      </ul>
      <div style={{ display: "flex", gap: 6, marginTop: 12, flexWrap: "wrap" }}>
        <Link className="btn p" to={`/tasks/${task.id}`}>Open task</Link>
        <CancelTask task={task.id} small={false} label="Cancel this task" consequence="It does not run. It stays in the lists, and what waits for it goes on waiting." />
      </div>
    </section>
  );
}
