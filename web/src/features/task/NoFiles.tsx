import { Link } from "react-router";
import type { Task } from "@/api/types";
import { EmptyState } from "@/components/States";
import { visible } from "@/lib/visible";

const SCRIPTS = ["bash", "python", "command"];

/** Why there are no changes: nothing was changed, or nobody knows what was. */
export function NoFiles({ task, tracked }: { task: Task | undefined; tracked: boolean }) {
  const script = !tracked && task !== undefined && SCRIPTS.includes(task.kind);
  return (
    <EmptyState title={script ? "Changes of scripts are not tracked" : "No files changed"} action={task ? <Link className="btn" to={`/tasks/${task.id}`}>Back to the task</Link> : null}>
      {!script ? "Changed files are taken from git when an attempt ends."
        : task.working_dir ? <>It worked in <span className="mono">{visible(task.working_dir)}</span> itself, and what a script changes there is not compared. In a repository, git status tells.</>
        : "It worked in an empty folder of its own, which is gone."}
    </EmptyState>
  );
}
