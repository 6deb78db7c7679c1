import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { Approval, ApprovalAnswer } from "@/api/types";
import { say, sayFailed } from "@/components/toasts";
import { beaten, refresh, send } from "./send";

/** Answers a request at once. */
export function useAnswer(approval: Approval) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (given: Partial<ApprovalAnswer>) => send(approval, given),
    onSuccess: (_, given) => say(done(given)),
    onError: (error) => {
      const why = beaten(error);
      if (why) say(why);
      else sayFailed("Not answered", error);
    },
    onSettled: () => refresh(queries, approval.task_id),
  });
}

function done(given: Partial<ApprovalAnswer>): string {
  if (given.verdict === "allow") return given.scope && given.scope !== "once" ? "Approved, and from now on without asking" : "Approved";
  return given.verdict === "deny" ? "Rejected" : given.verdict === "ask" ? "Asked back: its agent may ask again" : "Answered";
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
