import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { setAside } from "@/api/queries";
import type { ReviewComment, TaskReview } from "@/api/types";
import type { Side } from "@/components/diff/DiffLines";
import { undoAside } from "@/components/aside";
import { say, sayFailed } from "@/components/toasts";
import { plural } from "@/lib/format";

export type Verdict = "approve" | "request_changes" | "reject";

/** Lines of a file that somebody speaks of. */
export interface Spot {
  path: string;
  side: Side;
  first: number;
  last: number;
}

export function review(task: string) {
  return queryOptions({
    queryKey: ["task", task, "review"],
    queryFn: () => answer(api.GET("/api/v1/tasks/{task_id}/review", { params: { path: { task_id: task } } })),
  });
}

/** Files that changed since a commit, or since the last review. */
export function newChanges(task: string, since: string) {
  return queryOptions({
    queryKey: ["task", task, "new changes", since],
    queryFn: () => answer(api.GET("/api/v1/tasks/{task_id}/review/changes", { params: { path: { task_id: task }, query: { since } } })),
  });
}

export function newDiff(task: string, path: string, since: string, commit: string) {
  return queryOptions({
    queryKey: ["diff", task, path, since, commit],
    queryFn: () => answer(api.GET("/api/v1/tasks/{task_id}/review/diff", { params: { path: { task_id: task }, query: { path, since } }, parseAs: "text" })),
    staleTime: 60_000,
  });
}

/** What a reviewer does; each asks for the review anew, and for nothing else of the page. */
export function useReviewActs(task: string) {
  const queries = useQueryClient();
  const settled = () => void queries.invalidateQueries({ queryKey: ["task", task, "review"] });
  const path = { task_id: task };
  const add = useMutation({
    mutationFn: ({ spot, text, commit }: { spot: Spot; text: string; commit: string | null }) =>
      answer(api.POST("/api/v1/tasks/{task_id}/comments", { params: { path }, body: { path: spot.path, side: spot.side, line: spot.first, end_line: spot.last, commit, text, by: "web interface" } })),
    onError: (error) => sayFailed("Not kept", error),
    onSettled: settled,
  });
  const change = useMutation({
    mutationFn: ({ id, body }: { id: string; body: { text: string } | { resolved: boolean } }) =>
      answer(api.PATCH("/api/v1/tasks/{task_id}/comments/{comment_id}", { params: { path: { ...path, comment_id: id } }, body: body as { text: string; resolved: boolean } })),
    onError: (error) => sayFailed("Not changed", error),
    onSettled: settled,
  });
  const remove = useMutation({
    mutationFn: (id: string) => answer(api.DELETE("/api/v1/tasks/{task_id}/comments/{comment_id}", { params: { path: { ...path, comment_id: id } } })),
    onError: (error) => sayFailed("Not deleted", error),
    onSettled: settled,
  });
  const give = useMutation({
    mutationFn: (given: { verdict: Verdict; commit: string | null; attempt: number; note: string }) =>
      answer(api.POST("/api/v1/tasks/{task_id}/review", { params: { path }, body: { ...given, by: "web interface" } })),
    onSuccess: (made, given) => say(saidOf(made, given.verdict)),
    onError: (error) => sayFailed("The review was not sent", error),
    onSettled: () => void queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "diff" }),
  });
  const seen = useMutation({
    mutationFn: () => setAside(task),
    onSuccess: () => say("Set aside; its branch stays", { label: "Undo", run: () => void undoAside([{ id: task, title: "It" }], queries) }),
    onError: (error) => sayFailed("Not set aside", error),
    onSettled: () => void queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "diff" }),
  });
  return { add, change, remove, give, seen };
}

export type ReviewActs = ReturnType<typeof useReviewActs>;

function saidOf(made: TaskReview, verdict: Verdict): string {
  const sent = made.comments.filter((comment) => comment.review_id === made.last?.id).length;
  const more = sent > 0 ? `, with ${plural(sent, "comment")}` : "";
  if (verdict === "request_changes") return `Back to its agent${more}`;
  return verdict === "approve" ? `Approved${more}` : `Rejected${more}`;
}

export const isDraft = (comment: ReviewComment) => comment.review_id === null;

/** The file of the present work that a comment belongs to. */
export const fileOf = (comment: ReviewComment) => comment.now?.path ?? comment.path;
