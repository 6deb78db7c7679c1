import type { Approval } from "@/api/types";
import { visible } from "@/lib/visible";
import { text } from "./useAnswer";

export function heading(approval: Approval): string {
  switch (approval.outcome) {
    case "expired": return "Expired";
    case "withdrawn": return "Withdrawn";
    case "approved": return "Approved";
    case "rejected": return "Rejected";
    case "asked back": return "Asked back";
    case "answered": return "Answered";
    default: return approval.kind === "question" ? "Question" : `Approve ${subject(approval)}`;
  }
}

function subject(approval: Approval): string {
  return text(approval.document.command) ? "command" : text(approval.document.diff) ? "changes" : "use of a tool";
}

/** What will happen, in one sentence. */
export function sentence(approval: Approval): string {
  const who = approval.agent ?? approval.agent_id;
  if (approval.kind === "question") return `${who} asks a question.`;
  const what = text(approval.document.command) ? "run a command" : text(approval.document.diff) ? "make a change" : `use ${text(approval.document.tool) || "a tool"}`;
  const reason = approval.risk ? listed(approval.risk.reasons.slice(0, 3)) : "";
  if (!reason) return `${who} asks to ${what}.`;
  return what.startsWith("use ") ? `${who} asks to ${what}: it ${reason}.` : `${who} asks to ${what} that ${reason}.`;
}

function listed(words: string[]): string {
  return words.length < 2 ? (words[0] ?? "") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

export const RULES = {
  read: "may only read, and asks for everything else",
  ask: "reads freely, and asks for everything else",
  edit: "changes files in its working copy freely, and asks for everything else",
  full: "may do everything; its program asks all the same",
};

export function network(place: Approval["place"]): string {
  if (place.network === null) return "not known: it runs in no sandbox of this server";
  if (place.network === "open") return "everything";
  return place.network === "hosts" ? place.allow_hosts.join(", ") : "nothing but its model";
}

/** Before approvals expire and after, in the words of what the server does. */
export function onTimeout(approval: Approval): string {
  return approval.expires_at ? "It expires. Nothing runs; its agent is told that nobody answered, and goes on without." : "It waits as long as it takes.";
}

/** What came of a request, and through whom; when follows. */
export function said(approval: Approval): string {
  if (approval.outcome === "expired") return "Nobody answered in time. Nothing ran; its agent was told so and went on without. ";
  if (approval.outcome === "withdrawn") return "Its agent went on, changed the request or ended before anybody answered. ";
  const how = approval.outcome === "answered" ? "Answered" : approval.outcome === "asked back" ? "Asked back" : approval.outcome === "approved" ? "Approved" : "Rejected";
  return `${how} by ${approval.answered_by ?? "somebody"} `;
}

/** The very answer, after who gave it and when. */
export function gaveWords(approval: Approval): string {
  return approval.answer_words ? `: “${visible(approval.answer_words)}”` : "";
}
