import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { answer, api } from "@/api/client";
import type { Task } from "@/api/types";
import { nextOf, wayOf } from "@/components/conversation/continue";
import { say, sayFailed } from "@/components/toasts";
import type { Spot } from "./data";

export interface Question {
  spot: Spot;
  lines: string;
  commit: string | null;
  text: string;
}

/** A question about lines, with the lines and where they are. */
export function wordsOf({ spot, lines, commit, text }: Question): string {
  const place = `${spot.path}:${spot.first}${spot.last === spot.first ? "" : `-${spot.last}`}`;
  const quoted = lines.split("\n").map((line) => `> ${line}`).join("\n");
  const when = spot.side === "old" ? " as they were before the change" : "";
  return `${place}: ${text}\n\n${quoted}\n\nThese are the lines${when}${commit ? `, in commit ${commit.slice(0, 12)}` : ""}. Answer the question; change nothing because of it.`;
}

/** Asks the agent of a task about lines: into its run, or as a task that goes on with its session. */
export function useAsk(task: Task | undefined) {
  const queries = useQueryClient();
  const go = useNavigate();
  const way = task ? wayOf(task) : "wait";
  const asked = useMutation({
    mutationFn: async (question: Question) => {
      const text = wordsOf(question);
      if (way !== "say") return answer(api.POST("/api/v1/tasks", { body: nextOf(task!, text) }));
      await answer(api.POST("/api/v1/tasks/{task_id}/messages", { params: { path: { task_id: task!.id } }, body: { kind: "say", text, by: "web interface" } }));
      return null;
    },
    onSuccess: (made) => say(made ? "Asked, in a task of its own" : "Asked; it reads it when its present step ends", { label: "Open", run: () => void go(made ? `/chat?task=${made.id}` : `/tasks/${task!.id}/conversation`) }),
    onError: (error) => sayFailed("Not asked", error),
    onSettled: () => { for (const queryKey of [["tasks"], ["fleet"], ["overview"]]) void queries.invalidateQueries({ queryKey }); },
  });
  return { ...asked, why: way === "wait" ? "Its agent is about to begin; ask once it works." : null };
}

export type Ask = ReturnType<typeof useAsk>;
