/** A page of something that was looked at. */
export interface Visit {
  path: string;
  label: string;
}

const KEY = "muster.recent";
const MOST = 8;
/** Pages of one thing: tasks, agents, projects, sessions; their tabs are the same thing. */
const OF_ONE = /^\/(tasks\/tsk_[^/]+|(?:agents|projects|sessions)\/(?!roles)[^/]+)/;
/** What a page is called while what it shows is not known. */
const NOT_KNOWN = new Set(["Task", "Agent", "Project", "Session"]);

/** Where it is kept: whoever gave a token for one window only wants nothing kept beyond it. */
function place(): Storage {
  return sessionStorage.getItem("muster.token") === null ? localStorage : sessionStorage;
}

export function visits(): Visit[] {
  try {
    const kept: unknown = JSON.parse(place().getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one): one is Visit => typeof one?.path === "string" && typeof one.label === "string").slice(0, MOST) : [];
  } catch {
    return [];
  }
}

/** Notes what a page shows, the last one first; what is no page of one thing is not noted. */
export function visited(pathname: string, label: string): void {
  const path = OF_ONE.exec(pathname)?.[0];
  if (!path || NOT_KNOWN.has(label) || pathname.endsWith("/changes")) return;
  place().setItem(KEY, JSON.stringify([{ path, label }, ...visits().filter((one) => one.path !== path)].slice(0, MOST)));
}
