import type { Approval, ApprovalAnswer } from "@/api/types";
import { text } from "./useAnswer";

export type Scope = ApprovalAnswer["scope"];

/** Exactly what is asked for, as one line of text: the command, or that it is this input. */
export function exactly(approval: Approval): string {
  const command = text(approval.document.command);
  return command || JSON.stringify(approval.document.input ?? approval.document.text ?? approval.title);
}

/** The rule that leave beyond once writes, in words. */
export function rule(approval: Approval, scope: Scope): string {
  const tool = text(approval.document.tool) || "Any tool";
  const where = scope === "task" ? `in the task “${approval.task}”` : scope === "project" ? `in the project ${approval.project}` : "everywhere on this server";
  return `${tool} may do exactly this, ${where}, without asking, until the rule is taken back.`;
}
