// The addresses of every page of a server that has something to show on each.
import { server } from "./browser.js";

async function get(path) {
  const answer = await fetch(`${server}/api/v1${path}`);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

export async function everyRoute() {
  const [done, asked, queues, projects, sessions, scripts, fleet, sandboxes] = await Promise.all(
    ["/tasks?state=succeeded&kind=prompt&limit=1", "/approvals?state=pending", "/queues", "/projects", "/sessions", "/scripts", "/fleet", "/sandboxes"].map(get),
  );
  const one = (list) => list.items[0]?.id;
  const task = one(done);
  const agent = fleet.rows.find((row) => row.task_id)?.agent_id ?? fleet.rows[0]?.agent_id;
  const spoken = (await get(`/tasks/${task}`)).attempt?.agent_id;
  return [
    "/", "/?view=grid", `/?peek=agent:${agent}`, "/inbox", `/inbox/${one(asked)}`, "/tasks", "/tasks?state=failed&q=nothing", "/tasks?view=board", "/tasks?view=timeline&range=1h", `/tasks?peek=task:${task}`, "/tasks/new",
    ...["", "/changes", "/output", "/conversation", "/approvals", "/files", "/logs", "/history"].map((tab) => `/tasks/${task}${tab}`),
    "/agents", `/agents/${agent}`, ...["/logs", "/files", "/usage", "/settings"].map((tab) => `/agents/${spoken ?? agent}${tab}`), "/agents/roles", "/agents/roles/reviewer", "/chat", `/chat/${spoken ?? agent}`,
    "/queues", `/queues/${one(queues)}`, "/queues/dead-letters", "/projects", ...["", "/tasks", "/sessions", "/money"].map((tab) => `/projects/${one(projects)}${tab}`), "/sessions", `/sessions/${one(sessions)}`,
    "/scripts", scripts.items[0] && `/scripts/${encodeURIComponent(scripts.items[0].name)}`, "/sandboxes", ...["", "/console"].map((page) => one(sandboxes) && `/sandboxes/${one(sandboxes)}${page}`), "/activity",
    ...["appearance", "keyboard", "live-data", "notifications", "ghosts"].map((section) => `/settings/${section}`), "/nowhere", "/tasks/tsk_0000000000000",
  ].filter((route) => route && !route.includes("undefined"));
}
