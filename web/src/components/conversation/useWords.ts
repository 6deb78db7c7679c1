import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { answer, api, ApiProblem } from "@/api/client";
import type { KeptEntry } from "@/api/types";
import { say, sayFailed } from "@/components/toasts";
import { unreadOf } from "./entries";

export type Word = "say" | "interrupt" | "pause" | "resume";

const DONE: Record<Word, string> = { say: "Sent; it is read when the present step ends", interrupt: "Interrupting; it waits for your words then", pause: "Pausing", resume: "Going on" };

/** Tells the agent that works on a task something. */
export function useWords(task: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ kind, text = "" }: { kind: Word; text?: string }) =>
      answer(api.POST("/api/v1/tasks/{task_id}/messages", { params: { path: { task_id: task } }, body: { ...(text ? { text } : {}), kind, by: "web interface" } as { kind: "say"; text: string; by: string } })),
    onSuccess: (_, { kind }) => say(DONE[kind]),
    onError: (error, { kind }) => sayFailed(error instanceof ApiProblem && error.status === 409 ? "Nothing of it runs" : kind === "say" ? "Not sent" : "Not told", error),
    onSettled: () => { for (const queryKey of [["task", task], ["fleet"]]) void queries.invalidateQueries({ queryKey }); },
  });
}

const taskMessages = (task: string) => queryOptions({
  queryKey: ["task", task, "messages"],
  queryFn: () => answer(api.GET("/api/v1/tasks/{task_id}/messages", { params: { path: { task_id: task }, query: { limit: 50 } } })),
});

/** What was said to the agent and is not in its conversation yet, oldest first. */
export function useUnread(task: string, since: string, running: boolean, items: KeptEntry[], first: number) {
  const { data } = useQuery({ ...taskMessages(task), enabled: running });
  return running && data ? unreadOf(data.items, first > 0 ? (items[0]?.at ?? since) : since, items) : [];
}
