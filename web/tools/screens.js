// Pictures of pages: node tools/screens.js FOLDER [path ...]
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launch, server } from "../e2e/browser.js";

const [folder = "screens", ...paths] = process.argv.slice(2);
const { items } = await (await fetch(`${server}/api/v1/tasks?state=succeeded&kind=prompt&limit=1&q=Kelvin`)).json();
const { items: asked } = await (await fetch(`${server}/api/v1/approvals`)).json();
const tasks = [items[0] && `/tasks/${items[0].id}`, items[0] && `/tasks/${items[0].id}/changes`, items[0] && `/tasks/${items[0].id}/conversation`, asked[0] && `/tasks/${asked[0].task_id}`];
const { items: workers } = await (await fetch(`${server}/api/v1/workers`)).json();
const scripted = workers.find((one) => one.capabilities.includes("agent:scripted"));
const agents = ["/agents", "/agents/roles", "/agents/roles/reviewer", "/chat", ...(scripted ? [`/agents/${scripted.id}`, `/agents/${scripted.id}/logs?log=tools.jsonl`, `/agents/${scripted.id}/usage`, `/agents/${scripted.id}/settings`, `/chat/${scripted.id}`] : [])];
const { rows } = await (await fetch(`${server}/api/v1/fleet`)).json();
const peeks = [asked[0] && `/tasks?peek=task:${asked[0].task_id}`, rows[0] && `/?peek=agent:${rows[0].agent_id}`].filter(Boolean);
const pages = paths.length > 0 ? paths : ["/", "/inbox", "/tasks", "/tasks/new", "/settings", "/sandboxes", "/activity", ...peeks, ...agents, ...tasks.filter(Boolean)];
const planned = await (await fetch(`${server}/api/v1/queues`)).json();
const queue = planned.items.find((one) => one.name === "backend");
if (paths.length === 0 && queue) pages.push(`/queues/${queue.id}`, "/queues/dead-letters", "/projects", `/projects/${queue.project_id}`, `/projects/${queue.project_id}/money`, "/sessions", "/scripts", "/tasks?view=board", "/tasks?view=timeline&range=1h");
mkdirSync(folder, { recursive: true });
const browser = await launch();
for (const [theme, scheme] of [["light", "light"], ["dark", "dark"]]) {
  for (const width of [1440, 360]) {
    const context = await browser.newContext({ viewport: { width, height: width === 360 ? 740 : 900 }, colorScheme: scheme });
    const page = await context.newPage();
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && console.log(theme, width, message.text()));
    page.on("pageerror", (error) => console.log(theme, width, String(error)));
    for (const path of pages) {
      await page.goto(server + path);
      await page.waitForTimeout(900);
      const name = path === "/" ? "fleet" : path.slice(1).replaceAll(/[^\w]+/g, "-");
      await page.screenshot({ path: join(folder, `${name}-${theme}-${width}.png`) });
    }
    await context.close();
  }
}
await browser.close();
