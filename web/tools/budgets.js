// Compares the gzipped size of what each page needs with the budgets of docs/design/ui.md, section 15.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const KB = 1024;
const folder = new URL("../../src/muster/web_dist", import.meta.url).pathname;
const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
const sizes = new Map();

function size(file) {
  if (!sizes.has(file)) sizes.set(file, gzipSync(readFileSync(join(folder, file)), { level: 9 }).length);
  return sizes.get(file);
}

/** The files a chunk needs, its static imports included. */
function needs(key, found = new Set()) {
  const chunk = manifest[key];
  if (!chunk || found.has(chunk.file)) return found;
  found.add(chunk.file);
  for (const css of chunk.css ?? []) found.add(css);
  for (const other of chunk.imports ?? []) needs(other, found);
  return found;
}

const total = (files, kind) => [...files].filter((file) => file.endsWith(kind)).reduce((sum, file) => sum + size(file), 0);
const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
const shell = needs(entry);
const pages = {
  fleet: 40, task: 40, "task/review": 70, tasks: 30, inbox: 40, "new-task": 45, agents: 30, "agents/agent": 40, roles: 35, chat: 55,
  queues: 30, "dead-letters": 20, projects: 25, sessions: 25, scripts: 25, "tasks/Board": 30, sandboxes: 140, "sandboxes/console": 110, activity: 40,
};
const checks = [["shell, JavaScript", total(shell, ".js"), 190]];
for (const [page, budget] of Object.entries(pages)) {
  const entries = [`features/${page}/index`, `features/${page}/views`, `features/${page}.tsx`];
  const key = Object.keys(manifest).find((name) => manifest[name].isDynamicEntry && entries.some((one) => name.includes(one)));
  if (!key) throw new Error(`there is no page ${page} to weigh`);
  const all = needs(key);
  const own = [...all].filter((file) => !shell.has(file));
  checks.push([`${page}, on top of the shell`, total(own, ".js"), budget]);
  if (page === "fleet") checks.push(["first load of fleet", total(new Set([...shell, ...all]), "s"), 240]);
  checks.push([`everything for ${page}`, total(new Set([...shell, ...all]), "s"), 500]);
}
const everything = new Set(Object.values(manifest).flatMap((chunk) => [chunk.file, ...(chunk.css ?? []), ...(chunk.assets ?? [])]));
const highlighter = [...everything].filter((file) => file.includes("highlight.worker"));
checks.push(["the highlighter, when code is shown", total(highlighter, ".js"), 45]);
checks.push(["all JavaScript", total(everything, ".js"), 700], ["all CSS", total(everything, ".css"), 25]);
let broken = 0;
for (const [what, bytes, budget] of checks) {
  const over = bytes > budget * KB;
  broken += over;
  console.log(`${over ? "OVER " : "     "}${what.padEnd(34)} ${(bytes / KB).toFixed(1).padStart(7)} of ${budget} KB`);
}
process.exit(broken ? 1 : 0);
