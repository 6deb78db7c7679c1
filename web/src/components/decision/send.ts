import type { QueryClient } from "@tanstack/react-query";
import { answer, api, ApiProblem, token } from "@/api/client";
import type { Approval, ApprovalAnswer } from "@/api/types";
import { ago } from "@/lib/format";

export const BY = "web interface";

function bodyOf(approval: Approval, given: Partial<ApprovalAnswer>): ApprovalAnswer {
  return { text: "", scope: "once", by: BY, seen: approval.digest, ...given } as ApprovalAnswer;
}

/** Sends an answer. It is bound to what was seen: the server refuses when the agent asks for something else by now. */
export function send(approval: Approval, given: Partial<ApprovalAnswer>) {
  return answer(api.POST("/api/v1/approvals/{approval_id}/answer", { params: { path: { approval_id: approval.id } }, body: bodyOf(approval, given) }));
}

/** The same by a page that is left: the request is out before this returns, and outlives the page. */
export function sendLeaving(approval: Approval, given: Partial<ApprovalAnswer>): void {
  const known = token();
  void fetch(`/api/v1/approvals/${approval.id}/answer`, {
    method: "POST",
    keepalive: true,
    headers: { "content-type": "application/json", ...(known ? { authorization: `Bearer ${known}` } : {}) },
    body: JSON.stringify(bodyOf(approval, given)),
  }).catch(() => undefined);
}

export function refresh(queries: QueryClient, task: string): void {
  for (const queryKey of [["approvals"], ["overview"], ["fleet"], ["task", task]]) void queries.invalidateQueries({ queryKey });
}

/** Who was faster, and when: "Approved by ann 3 s ago. Nothing was sent." null when it failed for another reason. */
export function beaten(error: unknown, now = new Date()): string | null {
  if (!(error instanceof ApiProblem) || error.code !== "already_settled") return null;
  const { word, answered_by, finished_at } = error.details as { word?: string; answered_by?: string | null; finished_at?: string };
  const said = word ? word[0]!.toUpperCase() + word.slice(1) : "Settled";
  return `${said}${answered_by ? ` by ${answered_by}` : ""}${finished_at ? ` ${since(new Date(finished_at), now)}` : ""}. Nothing was sent.`;
}

function since(at: Date, now: Date): string {
  const seconds = Math.max(Math.round((now.getTime() - at.getTime()) / 1000), 0);
  return seconds < 60 ? `${seconds} s ago` : ago(at, now);
}
