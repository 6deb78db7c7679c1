import type { Task, TaskCreate } from "@/api/types";

/** What of an agent's task goes over to the one that goes on with it. */
const KEPT = ["role", "model", "fallbacks", "permissions", "tools", "mcp", "instructions", "workspace", "setup", "cleanup", "owns", "sandbox", "allow_hosts", "max_turns", "max_cost_usd", "answer_seconds", "env", "limits", "agent_options"];
const LONGEST_TITLE = 80;

export const CHAT = "chat";

export function titleOf(text: string): string {
  const line = text.trim().split("\n")[0] ?? "";
  return line.length > LONGEST_TITLE ? `${line.slice(0, LONGEST_TITLE - 1)}…` : line;
}

export type Way = "say" | "wait" | "resume" | "anew" | "assign";

/** How words get to the agent of a task: into its run, as a task that goes on with its session, or as a new one. */
export function wayOf(task: Task): Way {
  switch (task.state) {
    case "running":
      return "say";
    case "blocked":
    case "backoff":
    case "ready":
      return "wait";
    default:
      if (!task.attempt?.run || !isRun(task)) return "assign";
      return task.attempt.run.session ? "resume" : "anew";
  }
}

/** Whether muster's own workers run it; other prompts wait for agents that claim. */
function isRun(task: Task): boolean {
  return task.kind === "llm" || typeof task.payload.agent === "string" || typeof task.payload.role === "string";
}

/** The task that brings an agent further words after `task` has ended. */
export function nextOf(task: Task, text: string): TaskCreate {
  const way = wayOf(task);
  const common = {
    title: titleOf(text), tags: [...new Set([...task.tags, CHAT])], project: task.project, priority: task.priority, network: task.network,
    ...(task.working_dir ? { working_dir: task.working_dir } : {}), ...(task.agent_id ? { assigned_to: task.agent_id } : {}),
  };
  if (way === "assign") return { ...common, kind: "prompt", description: text } as unknown as TaskCreate;
  const run = task.attempt!.run!;
  const kept = Object.fromEntries(KEPT.filter((name) => task.payload[name] !== undefined).map((name) => [name, task.payload[name]]));
  // An agent that took over from another one has models of its own.
  if (typeof task.payload.agent === "string" && task.payload.agent !== run.agent) delete kept.model;
  // Its work so far is what it goes on from.
  const base = run.head_commit && run.head_commit !== run.base_commit ? { base: run.head_commit } : {};
  const payload = { ...kept, ...base, agent: run.agent, prompt: text, ...(way === "resume" ? { resume: task.id } : {}) };
  return { ...common, kind: task.kind === "llm" ? "llm" : "prompt", payload } as unknown as TaskCreate;
}

/** The first words to one of the agents that workers run. */
export function firstOf(program: string, text: string, directory: string, ask: boolean, worker: string | null): TaskCreate {
  return {
    title: titleOf(text), kind: "prompt", tags: [CHAT], payload: { agent: program, prompt: text, ...(ask ? { permissions: "ask" } : {}) },
    ...(directory.trim() ? { working_dir: directory.trim() } : {}), ...(worker ? { assigned_to: worker } : {}),
  } as unknown as TaskCreate;
}

/** The first words to an agent that claims over the API. */
export function assigned(agent: string, text: string): TaskCreate {
  return { title: titleOf(text), kind: "prompt", tags: [CHAT], description: text, assigned_to: agent } as unknown as TaskCreate;
}
