import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { answer, api } from "@/api/client";
import { task as taskQuery } from "@/api/queries";
import type { Task, TaskRow } from "@/api/types";
import { Dialog } from "@/components/Dialog";
import { ErrorState, Skeleton } from "@/components/States";
import { useAct } from "@/components/useAct";
import { useOnline } from "@/live/live";

/** Another try with other words. */
export function Rewrite({ row, onClose }: { row: TaskRow; onClose: () => void }) {
  const found = useQuery(taskQuery(row.id));
  return (
    <Dialog title="Edit and queue again" onClose={onClose}>
      <p className="sub">{row.title}</p>
      {found.data ? <Form task={found.data} onClose={onClose} /> : found.isError ? <ErrorState what="The task could not be loaded" error={found.error} retry={() => void found.refetch()} /> : <Skeleton rows={4} />}
    </Dialog>
  );
}

/** Which words of a task say what is to be done. */
function wordsOf(task: Task): { key: "prompt" | "script" | null; text: string; label: string } {
  for (const key of ["prompt", "script"] as const) {
    const value = task.payload[key];
    if (typeof value === "string") return { key, text: value, label: key === "prompt" ? "Prompt" : "Script" };
  }
  return { key: null, text: task.description, label: "Description" };
}

function Form({ task, onClose }: { task: Task; onClose: () => void }) {
  const online = useOnline();
  const words = wordsOf(task);
  const [text, setText] = useState(words.text);
  const path = { params: { path: { task_id: task.id } } };
  const again = useAct(
    async () => {
      await answer(api.PATCH("/api/v1/tasks/{task_id}", { ...path, body: words.key ? { payload: { ...task.payload, [words.key]: text } } : { description: text } }));
      return answer(api.POST("/api/v1/tasks/{task_id}/requeue", { ...path, body: { reason: "edited" } }));
    },
    { failed: "Not queued again", said: "Queued again with the new words", then: onClose },
  );
  return (
    <form className="pl-form" onSubmit={(event) => { event.preventDefault(); if (text.trim()) again.mutate(); }}>
      <div className="field">
        <label htmlFor="rewrite">{words.label}</label>
        <textarea id="rewrite" className="inp" rows={10} value={text} autoFocus onChange={(event) => setText(event.target.value)} />
        <span className="hint">Its attempts are counted anew; what came of the earlier ones stays. <Link to={`/tasks/${task.id}`} style={{ textDecoration: "underline" }}>Open the task</Link></span>
      </div>
      <div className="b">
        <button type="button" className="btn" onClick={onClose}>Leave it</button>
        <button type="submit" className="btn p" disabled={!text.trim() || again.isPending || !online}>Queue again</button>
      </div>
    </form>
  );
}
