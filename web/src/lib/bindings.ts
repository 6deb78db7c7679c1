import { readKept, writeKept } from "./kept";

/** What a key does, where. `keys` is what it is bound to unless somebody binds it otherwise: the name by which pages hear it. */
export interface Action {
  id: string;
  keys: string;
  what: string;
  where: string;
  /** On which pages; left out: on all. */
  on?: RegExp;
}

const ALL = "Everywhere";
const LISTS = "In lists";
const AT_WORK = /^\/(agents\/[^/]+|chat(\/|$)|tasks\/tsk_[^/]+(?!.*\/changes))/;
const TASK = /^\/tasks\/tsk_[^/]+(?!.*\/changes)/;
const DIFF = /^\/tasks\/[^/]+\/changes/;
const FLEET = /^\/$/;
const BOARD = /^\/tasks$/;
const LETTERS = /^\/queues\/dead-letters/;

export const ACTIONS: readonly Action[] = [
  { id: "search", keys: "mod+k", what: "Search or jump to", where: ALL },
  { id: "filter", keys: "/", what: "Search this page", where: ALL },
  { id: "task.new", keys: "c", what: "New task", where: ALL },
  { id: "agent.new", keys: "C", what: "New agent", where: ALL },
  { id: "go.fleet", keys: "g f", what: "Go to Fleet", where: ALL },
  { id: "go.inbox", keys: "g i", what: "Go to Inbox", where: ALL },
  { id: "go.tasks", keys: "g t", what: "Go to Tasks", where: ALL },
  { id: "go.chat", keys: "g c", what: "Go to Chat", where: ALL },
  { id: "go.projects", keys: "g p", what: "Go to Projects", where: ALL },
  { id: "go.queues", keys: "g q", what: "Go to Queues", where: ALL },
  { id: "go.agents", keys: "g a", what: "Go to Agents", where: ALL },
  { id: "go.settings", keys: "g s", what: "Go to Settings", where: ALL },
  { id: "settings", keys: "mod+,", what: "Settings", where: ALL },
  { id: "undo", keys: "mod+z", what: "Undo what was just done", where: ALL },
  { id: "theme", keys: "mod+d", what: "Light or dark", where: ALL },
  { id: "sidebar", keys: "[", what: "Narrow the sidebar", where: ALL },
  { id: "help", keys: "?", what: "Shortcuts", where: ALL },
  { id: "row.next", keys: "j", what: "Next row", where: LISTS },
  { id: "row.previous", keys: "k", what: "Previous row", where: LISTS },
  { id: "allow", keys: "a", what: "Approve", where: "In the inbox", on: /^\/inbox/ },
  { id: "ask", keys: "q", what: "Ask back", where: "In the inbox", on: /^\/inbox/ },
  { id: "request.select", keys: "x", what: "Select a request of low risk, or a result", where: "In the inbox", on: /^\/inbox/ },
  { id: "rows.show", keys: "r", what: "Show what came meanwhile", where: "In the inbox", on: /^\/inbox/ },
  { id: "reject", keys: "d", what: "Reject", where: "In the inbox", on: /^\/inbox/ },
  { id: "agent.pause", keys: "p", what: "Pause or resume", where: "An agent at work", on: AT_WORK },
  { id: "agent.stop", keys: "s", what: "Stop, cancel its task", where: "An agent at work", on: AT_WORK },
  { id: "agent.message", keys: "m", what: "Write to the agent", where: "An agent at work", on: AT_WORK },
  { id: "follow", keys: "f", what: "Follow the output", where: "An agent at work", on: AT_WORK },
  { id: "task.archive", keys: "e", what: "Archive", where: "A task", on: TASK },
  { id: "hunk.next", keys: "n", what: "Next hunk", where: "In a diff", on: DIFF },
  { id: "hunk.previous", keys: "p", what: "Previous hunk", where: "In a diff", on: DIFF },
  { id: "file.next", keys: "]", what: "Next file", where: "In a diff", on: DIFF },
  { id: "file.previous", keys: "[", what: "Previous file", where: "In a diff", on: DIFF },
  { id: "file.viewed", keys: "v", what: "Viewed", where: "In a diff", on: DIFF },
  { id: "diff.mode", keys: "u", what: "Side by side or unified", where: "In a diff", on: DIFF },
  { id: "agents.select", keys: "x", what: "Select an agent", where: "In the fleet", on: FLEET },
  { id: "agents.all", keys: "mod+a", what: "Select all agents", where: "In the fleet", on: FLEET },
  { id: "agents.pause", keys: "p", what: "Pause or resume", where: "In the fleet", on: FLEET },
  { id: "agents.stop", keys: "s", what: "Stop", where: "In the fleet", on: FLEET },
  { id: "agents.message", keys: "m", what: "Message", where: "In the fleet", on: FLEET },
  { id: "task.select", keys: "x", what: "Select a task", where: "In the list of tasks", on: BOARD },
  { id: "task.all", keys: "mod+a", what: "Select all tasks", where: "In the list of tasks", on: BOARD },
  { id: "task.stop", keys: "s", what: "Cancel", where: "In the list of tasks", on: BOARD },
  { id: "task.again", keys: "r", what: "Queue again", where: "In the list of tasks", on: BOARD },
  { id: "card.move", keys: "m", what: "Move to", where: "Board and list of tasks", on: BOARD },
  { id: "card.archive", keys: "e", what: "Archive", where: "Board and list of tasks", on: BOARD },
  { id: "letter.select", keys: "x", what: "Select", where: "Dead letters", on: LETTERS },
  { id: "letter.all", keys: "mod+a", what: "Select all", where: "Dead letters", on: LETTERS },
  { id: "letter.close", keys: "e", what: "Close", where: "Dead letters", on: LETTERS },
  { id: "console.leave", keys: "mod+]", what: "Leave the terminal", where: "In a console", on: /^\/sandboxes\/[^/]+\/console/ },
  { id: "role.save", keys: "mod+s", what: "Save the role", where: "Roles and prompts", on: /^\/agents\/roles/ },
];

/** Keys that everybody knows from elsewhere, which are not rebound. */
export const FIXED: readonly [string, string][] = [
  ["↑ ↓", "Next and previous row"], ["Enter", "Open the row"], ["Space", "Peek at the row"], ["Esc", "Close what is open"],
  ["Shift ↑ Shift ↓", "Select up or down, in the fleet, in tasks and among results"], ["Alt ↑ Alt ↓", "Earlier and later in a queue"], ["Mod ↵", "Send, add, save what is written; send the review"],
  ["c", "Comment on the line, in a diff"],
];

/** What somebody bound otherwise: keys by action, null: none. `single`: keys without a modifier are listened to. */
export interface Bindings {
  single: boolean;
  own: Record<string, string | null>;
}

export const USUAL: Bindings = { single: true, own: {} };

export function readBindings(value: unknown): Bindings | null {
  if (typeof value !== "object" || value === null) return null;
  const { single, own } = value as Partial<Bindings>;
  const known = new Set(ACTIONS.map((action) => action.id));
  const entries = Object.entries(own ?? {}).filter(([id, keys]) => known.has(id) && (keys === null || (typeof keys === "string" && keys !== "")));
  return { single: single !== false, own: Object.fromEntries(entries) };
}

export function bindings(): Bindings {
  return readBindings(readKept("keys")) ?? USUAL;
}

export function keysOf(action: Action, { own }: Bindings): string | null {
  const mine = own[action.id];
  return mine === undefined ? action.keys : mine;
}

/** Binds an action; its usual keys: as before. */
export function bind(action: Action, keys: string | null, given: Bindings): void {
  const own = { ...given.own };
  if (keys === action.keys) delete own[action.id];
  else own[action.id] = keys;
  keepBindings({ ...given, own });
}

export function keepBindings(next: Bindings): void {
  writeKept("keys", next.single && Object.keys(next.own).length === 0 ? null : next);
}

/** A key that is a character without Ctrl or Cmd: what speech and slips set off by accident (WCAG 2.1.4). */
export function isSingle(keys: string): boolean {
  return keys.split(" ").every((key) => [...key].length === 1);
}

/** By which name a page hears keys that were pressed at a path; null: as nothing at all. */
export function heardAs(pressed: string, path: string, given: Bindings): string | null {
  if (!given.single && isSingle(pressed)) return null;
  const here = ACTIONS.filter((action) => !action.on || action.on.test(path));
  const bound = here.filter((action) => keysOf(action, given) === pressed);
  const action = bound.find((one) => one.on) ?? bound[0];
  if (action) return action.keys;
  return here.some((one) => one.keys === pressed) ? null : pressed;
}

/** Whether both can be meant by the same press: on the same page, or the one begins like the other. */
function clash(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other} `) || other.startsWith(`${one} `);
}

/** Actions that the keys would collide with. */
export function conflicts(action: Action, keys: string, given: Bindings): Action[] {
  return ACTIONS.filter((other) => {
    const theirs = keysOf(other, given);
    // In a diff the brackets walk through files, as everywhere where code is reviewed; the sidebar has them elsewhere.
    const apart = (action.on && other.on && action.on !== other.on) || (keys === "[" && (action.on === DIFF || other.on === DIFF) && action.on !== other.on);
    return other.id !== action.id && theirs !== null && !apart && clash(keys, theirs);
  });
}

const MAC = typeof navigator !== "undefined" && /Mac|iP(hone|ad)/.test(navigator.platform);

/** Keys as they are written on the keyboard at hand. */
export function shown(keys: string): string {
  return keys.split(" ").map((key) => (key.startsWith("mod+") ? `${MAC ? "⌘" : "Ctrl"} ${key.slice(4).toUpperCase()}` : /^[A-Z]$/.test(key) ? `Shift ${key}` : key)).join(" ").replace("Mod", MAC ? "⌘" : "Ctrl");
}
