import { useQueryClient } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import type { TaskRow } from "@/api/types";
import { setAllAside } from "@/components/aside";
import { say, sayFailed } from "@/components/toasts";
import { each } from "@/lib/each";
import { plural } from "@/lib/format";
import { isOpen } from "@/lib/states";
import { visible } from "@/lib/visible";

export type Act = "archive" | "unarchive" | "cancel" | "requeue" | "move" | "aside";

const DONE: Record<Act, string> = { archive: "Archived", unarchive: "Brought back", cancel: "Cancelled", requeue: "Queued again", move: "Moved", aside: "Set aside" };
const UNDO_MS = 10_000;

/** Those of some tasks that something can be done with. */
export function able(act: Act, tasks: TaskRow[]): TaskRow[] {
  switch (act) {
    case "archive":
      return tasks.filter((task) => !isOpen(task) && task.archived_at === null);
    case "unarchive":
      return tasks.filter((task) => task.archived_at !== null);
    case "cancel":
      return tasks.filter(isOpen);
    case "requeue":
      return tasks.filter((task) => !isOpen(task) && task.archived_at === null);
    case "aside":
      return tasks.filter((task) => task.review === "unseen");
    case "move":
      return tasks.filter((task) => isOpen(task) && task.state !== "running");
  }
}

function one(act: Exclude<Act, "aside">, id: string, queue: string): Promise<unknown> {
  const path = { params: { path: { task_id: id } } };
  switch (act) {
    case "archive":
      return answer(api.POST("/api/v1/tasks/{task_id}/archive", { ...path, body: { reason: "" } }));
    case "unarchive":
      return answer(api.POST("/api/v1/tasks/{task_id}/unarchive", path));
    case "cancel":
      return answer(api.POST("/api/v1/tasks/{task_id}/cancel", { ...path, body: { reason: "" } }));
    case "requeue":
      return answer(api.POST("/api/v1/tasks/{task_id}/requeue", { ...path, body: { reason: "" } }));
    case "move":
      return answer(api.PATCH("/api/v1/tasks/{task_id}", { ...path, body: { queue } }));
  }
}

/** Does something with tasks, and says how it went; what can be undone is offered to be. */
export function useActs(): (act: Act, tasks: TaskRow[], queue?: string) => Promise<void> {
  const queries = useQueryClient();
  const run = async (act: Act, tasks: TaskRow[], queue = ""): Promise<void> => {
    if (act === "aside") {
      for (const { title, why } of await setAllAside(able(act, tasks), queries)) sayFailed(`Not set aside: ${visible(title)}`, why);
      return;
    }
    const meant = act === "unarchive" ? tasks : able(act, tasks);
    const { done, failed } = await each(meant, (task) => one(act, task.id, queue));
    const undo = act === "archive" ? { label: "Undo", run: () => void run("unarchive", done) } : undefined;
    if (done.length > 0) say(`${DONE[act]}: ${done.length === 1 ? done[0]!.title : plural(done.length, "task")}`, undo, undo && done.length > 1 ? UNDO_MS : undefined);
    const [first] = failed;
    if (first) sayFailed(`Not ${DONE[act].toLowerCase()}: ${failed.length === 1 ? first.row.title : plural(failed.length, "task")}`, first.error);
    for (const queryKey of [["tasks"], ["task"], ["queues"], ["fleet"], ["overview"]]) void queries.invalidateQueries({ queryKey });
  };
  return run;
}
