import type { Task, TaskCreate } from "@/api/types";
import { joined, type Pasted, readPasted } from "@/lib/pasted";

/** What the form holds; kept in the browser until the task is queued. */
export interface Draft {
  directory: string;
  type: TaskCreate["type"];
  title: string;
  prompt: string;
  /** Long texts that were pasted; sent below the prompt. */
  pasted: Pasted[];
  /** `script`: run by bash; `elsewhere`: waits for an agent that claims over the API; else an agent's name. */
  agent: string;
  role: string;
  model: string;
  queue: string;
  project: string;
  /** The work session it belongs to. */
  session: string;
  priority: TaskCreate["priority"];
  ask: boolean;
  /** In a working copy of its own; else in the folder itself. */
  own: boolean;
  check: string;
  cap: string;
  options: string;
  /** The first task that is the same work, when it is run again. */
  rerun: string;
}

export const SCRIPT = "script";
export const ELSEWHERE = "elsewhere";
const KEY = "muster.draft";
/** Begins the tag that names the first of all runs of the same work. */
const RERUN = "rerun:";

export const EMPTY: Draft = {
  directory: "", type: "custom", title: "", prompt: "", pasted: [], agent: "", role: "", model: "", queue: "", project: "", session: "", priority: "medium", ask: true, own: true, check: "", cap: "", options: "", rerun: "",
};

/** What the scripted agent does when nothing else is said: enough to see every part of a run, without a key. */
export const SCRIPTED = JSON.stringify({
  script: [
    { plan: ["Ask what to write", "Write it", "Say so"] },
    { ask: { text: "Which greeting should the file hold?", options: ["Good morning", "Good evening"] } },
    { write: { path: "GREETING.md", text: "# Greeting\n\nWritten by the scripted agent.\n" } },
    { run: "cat GREETING.md" },
    { say: "I wrote GREETING.md." },
  ],
}, null, 2);

export function loadDraft(): Draft {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Draft>;
    return { ...EMPTY, ...kept, pasted: readPasted(kept.pasted), session: "" };
  } catch {
    return EMPTY;
  }
}

export function saveDraft(draft: Draft | null): void {
  if (draft) localStorage.setItem(KEY, JSON.stringify(draft));
  else localStorage.removeItem(KEY);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The form for another task like this one. */
export function fromTask(task: Task): Draft {
  const { payload } = task;
  const agent = text(payload.agent);
  return {
    ...EMPTY,
    directory: task.working_dir ?? "", type: task.type as Draft["type"], title: task.title,
    prompt: text(payload.prompt) || text(payload.script) || task.description,
    agent: task.kind === "bash" ? SCRIPT : agent || (payload.role ? "" : ELSEWHERE),
    role: text(payload.role), model: text(payload.model), queue: task.queue, project: task.project, session: "", priority: task.priority,
    ask: payload.permissions === "ask", own: payload.workspace !== "in_place", check: task.acceptance_command ?? "",
    cap: typeof payload.max_cost_usd === "number" ? String(payload.max_cost_usd) : "",
    options: payload.agent_options ? JSON.stringify(payload.agent_options, null, 2) : "",
    rerun: task.tags.find((tag) => tag.startsWith(RERUN))?.slice(RERUN.length) ?? task.id,
  };
}

export type Problems = Partial<Record<keyof Draft, string>>;

export function problemsOf(draft: Draft): Problems {
  const found: Problems = {};
  if (!promptOf(draft)) found.prompt = draft.agent === SCRIPT ? "Say what to run." : "Say what is to be done.";
  if (draft.directory && !draft.directory.startsWith("/")) found.directory = "An absolute path, such as /home/me/project.";
  if (draft.cap && !(Number(draft.cap) > 0)) found.cap = "A number of dollars above 0.";
  if (draft.options.trim()) {
    try {
      const value: unknown = JSON.parse(draft.options);
      if (typeof value !== "object" || value === null || Array.isArray(value)) found.options = "A JSON object, such as {}.";
    } catch (error) {
      found.options = `Not JSON: ${(error as Error).message}`;
    }
  }
  return found;
}

/** The prompt as it is sent. */
export function promptOf(draft: Draft): string {
  return draft.pasted.length > 0 ? joined(draft.prompt, draft.pasted) : draft.prompt.trim() && draft.prompt;
}

const LONGEST_TITLE = 80;

export function titleOf(draft: Draft): string {
  if (draft.title.trim()) return draft.title.trim();
  const line = promptOf(draft).trim().split("\n")[0] ?? "";
  return line.length > LONGEST_TITLE ? `${line.slice(0, LONGEST_TITLE - 1)}…` : line;
}

/** The request that queues it. */
export function requestOf(draft: Draft): TaskCreate {
  const script = draft.agent === SCRIPT;
  const payload: Record<string, unknown> = script ? { script: promptOf(draft) } : {};
  if (!script && draft.agent !== ELSEWHERE) {
    payload.prompt = promptOf(draft);
    if (draft.agent) payload.agent = draft.agent;
    if (draft.role) payload.role = draft.role;
    if (draft.model) payload.model = draft.model;
    if (!draft.own && draft.directory) payload.workspace = "in_place";
    if (draft.ask) payload.permissions = "ask";
    if (draft.cap) payload.max_cost_usd = Number(draft.cap);
    if (draft.options.trim()) payload.agent_options = JSON.parse(draft.options);
  }
  return {
    title: titleOf(draft), kind: script ? "bash" : "prompt", payload, type: draft.type, priority: draft.priority,
    ...(draft.agent === ELSEWHERE ? { description: promptOf(draft) } : {}),
    ...(draft.directory ? { working_dir: draft.directory } : {}),
    ...(draft.queue ? { queue: draft.queue } : {}),
    ...(draft.project ? { project: draft.project } : {}),
    ...(draft.session ? { session_id: draft.session } : {}),
    ...(draft.rerun ? { tags: [`${RERUN}${draft.rerun}`] } : {}),
    ...(draft.check ? { acceptance_command: draft.check } : {}),
  } as TaskCreate;
}
