import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api, ApiProblem } from "@/api/client";
import type { Approval, ApprovalAnswer } from "@/api/types";
import { say, sayFailed } from "@/components/toasts";

/** Answers a request. It is bound to what was seen: the server refuses when the agent asks for something else by now. */
export function useAnswer(approval: Approval) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (given: Partial<ApprovalAnswer>) =>
      answer(
        api.POST("/api/v1/approvals/{approval_id}/answer", {
          params: { path: { approval_id: approval.id } },
          body: { text: "", scope: "once", by: "web interface", seen: approval.digest, ...given } as ApprovalAnswer,
        }),
      ),
    onSuccess: (_, given) => say(done(given)),
    onError: (error) => sayFailed(error instanceof ApiProblem && error.status === 409 ? "Already settled" : "Not answered", error),
    onSettled: () => {
      for (const queryKey of [["approvals"], ["overview"], ["fleet"], ["task", approval.task_id]]) void queries.invalidateQueries({ queryKey });
    },
  });
}

function done(given: Partial<ApprovalAnswer>): string {
  if (given.verdict === "allow") return given.scope && given.scope !== "once" ? "Allowed, and from now on without asking" : "Allowed";
  return given.verdict === "deny" ? "Rejected" : "Answered";
}

export interface Option {
  id: string;
  label: string;
  kind: string;
}

export function optionsOf(approval: Approval): Option[] {
  const options = approval.document.options;
  return Array.isArray(options) ? (options as Option[]) : [];
}

export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
