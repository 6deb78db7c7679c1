import type { QueryClient } from "@tanstack/react-query";
import type { FleetRow, TaskRow } from "@/api/types";
import { ACTIONS } from "@/lib/bindings";
import { shortId } from "@/lib/format";
import { type Shown, seenAgent, seenTask } from "@/lib/states";

/** A line of the palette. */
export interface Found {
  key: string;
  label: string;
  note?: string;
  glyph?: { state: Shown; label: string };
  run: () => void;
}

export type Place = Omit<Found, "run"> & { path: string };

const MOST = 8;
/** So much of an id's end is typed before it means one. */
const LEAST = 4;

/** Everywhere one can go, and what can be begun; `keys` says what is bound to an action. */
export function commandsOf(keys: (id: string) => string): Place[] {
  const of = (key: string, label: string, path: string, bound?: string): Place => ({ key, label, path, note: bound && keys(bound) });
  return [
    of("new", "New task", "/tasks/new", "task.new"), of("fleet", "Go to Fleet", "/", "go.fleet"), of("inbox", "Go to Inbox", "/inbox", "go.inbox"), of("tasks", "Go to Tasks", "/tasks", "go.tasks"),
    of("board", "Go to Board", "/tasks?view=board"), of("timeline", "Go to Timeline", "/tasks?view=timeline"), of("projects", "Go to Projects", "/projects", "go.projects"), of("queues", "Go to Queues", "/queues", "go.queues"),
    of("dead-letters", "Dead letters", "/queues/dead-letters"), of("sessions", "Go to Sessions", "/sessions"), of("scripts", "Go to Scripts", "/scripts"), of("new-queue", "New queue", "/queues?new=1"),
    of("new-project", "New project", "/projects?new=1"), of("new-session", "Begin a session", "/sessions?new=1"), of("failed", "Tasks that failed", "/tasks?state=failed"), of("chat", "Go to Chat", "/chat", "go.chat"),
    of("talk", "New conversation with an agent", "/chat?new=yes"), of("agents", "Go to Agents", "/agents", "go.agents"), of("agent", "New agent", "/agents?new=agent", "agent.new"), of("roles", "Roles and prompts", "/agents/roles"),
    of("role", "New role", "/agents/roles?new=role"), of("sandboxes", "Go to Sandboxes", "/sandboxes"), of("activity", "Go to Activity", "/activity"), of("settings", "Settings", "/settings", "go.settings"),
  ];
}

export function settingsOf(): Place[] {
  const of = (label: string, section: string): Place => ({ key: `settings ${section}`, label: `Settings: ${label}`, path: `/settings/${section}` });
  return [of("appearance", "appearance"), of("keyboard", "keyboard"), of("live data", "live-data"), of("notifications", "notifications")];
}

/** What is bound, for looking up a key. */
export function helpOf(keys: (id: string) => string): Omit<Found, "run">[] {
  return ACTIONS.filter((action) => keys(action.id) !== "").map((action) => ({ key: action.id, label: `${action.what} (${action.where.toLowerCase()})`, note: keys(action.id) }));
}

export function taskOf(task: TaskRow): Place {
  const { state, word } = seenTask(task, false);
  return { key: task.id, label: task.title, note: shortId(task.id), glyph: { state, label: word }, path: `/tasks/${task.id}` };
}

/** Agents whose name or id has these words in it, each once. */
export function agentsOf(rows: FleetRow[], words: string): Place[] {
  const wanted = words.toLowerCase();
  const found = new Map<string, FleetRow>();
  for (const row of rows) if (!found.has(row.agent_id) && `${row.name} ${row.agent_id}`.toLowerCase().includes(wanted)) found.set(row.agent_id, row);
  return [...found.values()].slice(0, MOST).map((row) => {
    const { state, word } = seenAgent(row);
    return { key: `agent ${row.agent_id}`, label: row.name, note: "agent", glyph: { state, label: word }, path: `/agents/${encodeURIComponent(row.agent_id)}` };
  });
}

/** Tasks whose id ends like this, of those that this window has seen: what lists show of an id is its end. */
export function knownById(queries: QueryClient, words: string): Place[] {
  const end = words.toLowerCase();
  if (end.length < LEAST || !/^[0-9a-z]+$/.test(end)) return [];
  const found = new Map<string, Place>();
  const add = (task: TaskRow) => { if (task.id.endsWith(end)) found.set(task.id, taskOf(task)); };
  for (const [, data] of queries.getQueriesData<{ items?: TaskRow[]; pages?: { items: TaskRow[] }[] }>({ queryKey: ["tasks"] })) {
    for (const task of [...(data?.items ?? []), ...(data?.pages ?? []).flatMap((page) => page.items)]) add(task);
  }
  return [...found.values()].slice(0, MOST);
}
