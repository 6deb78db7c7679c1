// What a reviewer with fresh eyes found: each of it as a person would meet it, against a real server.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { get, launch, post, server } from "./browser.js";

let browser;
let page;

before(async () => {
  browser = await launch();
  page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  page.setDefaultTimeout(30_000);
});
after(() => browser?.close());
const made = [];
// An agent that waits holds a place of its worker.
afterEach(async () => {
  for (const id of made.splice(0)) await fetch(`${server}/api/v1/tasks/${id}/cancel`, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
});

async function agentTask(title, script, more = {}) {
  const task = await post("/tasks", { title, kind: "prompt", payload: { agent: "scripted", prompt: title, permissions: "ask", agent_options: { script } }, ...more });
  made.push(task.id);
  return task;
}

async function requestOf(task) {
  for (;;) {
    const { items } = await get(`/approvals?task=${task.id}&wait_seconds=5`);
    if (items.length > 0) return items[0];
  }
}

/** Fails unless one box lies within another, to the pixel. */
function within(inner, outer, what) {
  const lies = inner.x >= outer.x - 1 && inner.y >= outer.y - 1 && inner.x + inner.width <= outer.x + outer.width + 1 && inner.y + inner.height <= outer.y + outer.height + 1;
  assert.ok(lies, `${what}: ${JSON.stringify(inner)} is not within ${JSON.stringify(outer)}`);
}

test("a request that is settled stays where it was, in the inbox and among those of its task", async () => {
  const task = await agentTask("settles", [{ allow: "npm ci" }, { say: "Done." }]);
  const request = await requestOf(task);
  await page.goto(`${server}/inbox/${request.id}`);
  await page.locator(".ib-detail [data-decide=approve]").click();
  await page.locator(".ib-detail [data-decide=approve]", { hasText: "Confirm" }).click();
  await page.getByText(/Approved by web interface/).waitFor();
  within(await page.locator(".ap").boundingBox(), await page.locator(".ib-detail").boundingBox(), "the card in the inbox");
  await page.goto(`${server}/tasks/${request.task_id}/approvals`);
  await page.getByText(/Approved by web interface/).waitFor();
  within(await page.locator(".ap").boundingBox(), await page.getByRole("main").boundingBox(), "the card of the task");
  assert.equal(await page.locator(".ap").evaluate((card) => window.getComputedStyle(card).position), "static");
  await page.getByRole("link", { name: "Fleet" }).first().click();
  await page.waitForURL(`${server}/`);
});

async function stateOf(id, ...wanted) {
  for (;;) {
    const task = await get(`/tasks/${id}`);
    if (wanted.includes(task.state)) return task;
    await get(`/tasks/${id}/logs?wait_seconds=1`);
  }
}

const bash = (title, script, more = {}) => post("/tasks", { title, kind: "bash", payload: { script }, retry: { max_attempts: 1 }, ...more });

test("what waits for a task that failed is counted, listed and decided on", async () => {
  const first = await bash("breaks the build", "exit 3");
  await stateOf(first.id, "failed");
  await page.goto(`${server}/inbox/${first.id}`);
  await page.getByText("1 task failed for good and blocks nobody.").waitFor();
  const second = await bash("needs the build", "true", { depends_on: [first.id] });
  await page.getByText("1 task failed for good, and 1 open task waits for what will not be done.").waitFor();
  await page.locator(".ib-detail").getByRole("link", { name: "needs the build" }).waitFor();
  await page.goto(`${server}/queues/dead-letters`);
  await page.getByRole("link", { name: "1 open task waits for what will not be done." }).waitFor();
  await page.getByRole("link", { name: "blocks 1 task" }).click();
  await page.getByRole("button", { name: /^Waits for / }).waitFor();
  await page.locator("tbody tr", { hasText: "needs the build" }).waitFor();
  await page.goto(server);
  const card = page.getByRole("article", { name: "needs the build" });
  await card.getByText(/failed: requeue it, or cancel this task/).waitFor();
  await card.getByRole("link", { name: "Decide" }).click();
  await page.locator(".ib-detail").getByRole("link", { name: "breaks the build" }).waitFor();
  await page.locator(".ib-detail").getByRole("button", { name: "Cancel this task" }).click();
  await page.getByRole("button", { name: "Cancel the task" }).click();
  await stateOf(second.id, "cancelled");
  await page.getByText("1 task failed for good and blocks nobody.").waitFor();
  await post(`/tasks/${first.id}/archive`, { reason: "" });
});

test("a project's money is as exact as everywhere else", async () => {
  const project = await post("/projects", { name: "pennies", budget_usd: 0.01 });
  await page.goto(`${server}/projects/${project.id}`);
  await page.getByText("$0 / $0.01 spent").first().waitFor();
  await page.goto(`${server}/projects`);
  await page.getByText("$0 / $0.01 spent").first().waitFor();
});

test("a task that is queued again says so, and no time of an earlier attempt goes on", async () => {
  await post("/queues", { name: "nobody-takes", mode: "manual" });
  const task = await bash("tried before", "true", { queue: "nobody-takes" });
  const claims = await post("/claims", { agent_id: "ann", queues: ["nobody-takes"] });
  const held = claims.claims[0];
  await post(`/attempts/${held.attempt_id}/fail`, { token: held.token, code: "exit", message: "no" });
  await post(`/tasks/${task.id}/requeue`, { reason: "" });
  await page.goto(`${server}/tasks?q=tried`);
  const row = page.locator("tbody tr", { hasText: "tried before" });
  await row.getByText("Queued").waitFor();
  assert.equal(await row.locator("td.fact").textContent(), "—");
  await page.goto(`${server}/tasks/${task.id}`);
  const progress = page.locator(".facts .rs", { hasText: "Progress" });
  await progress.getByText("Queued").waitFor();
  await progress.getByText(/^Attempt 1 failed after /).waitFor();
  assert.equal(await progress.locator(".pb").count(), 0);
  await page.getByText("Why attempt 1 failed").waitFor();
  await post(`/tasks/${task.id}/cancel`, {});
});

test("the steps of a workflow show how long they took, in one line and whole", async () => {
  const task = await bash("short", "exit 1");
  await stateOf(task.id, "failed");
  await page.goto(`${server}/tasks/${task.id}`);
  const time = page.locator(".nd .b span:last-child").first();
  await time.getByText(/ ms$/).waitFor();
  // A time as long as they get.
  await time.evaluate((one) => { one.textContent = "204 ms"; });
  within(await time.boundingBox(), await page.locator(".nd").first().boundingBox(), "the duration");
  const line = await time.evaluate((one) => Number.parseFloat(window.getComputedStyle(one).lineHeight));
  assert.ok((await time.boundingBox()).height <= line + 1);
  await post(`/tasks/${task.id}/archive`, { reason: "" });
});

test("what was answered is shown in its very words, on the card, among requests and in the conversation", async () => {
  const task = await agentTask("asks its way", [{ ask: { text: "Which way?", options: ["To the left", "To the right"] } }, { say: "Thanks." }]);
  const request = await requestOf(task);
  await page.goto(`${server}/inbox/${request.id}`);
  await page.locator(".ib-detail").getByRole("button", { name: "To the left" }).click();
  await page.locator(".dc-out", { hasText: /Answered by web interface .*: “To the left”/ }).waitFor();
  await stateOf(task.id, "succeeded");
  await page.goto(`${server}/tasks/${task.id}/approvals`);
  await page.locator(".dc-out", { hasText: /Answered by web interface .*: “To the left”/ }).waitFor();
  const { place } = await get(`/approvals/${request.id}`);
  const { attempt } = await get(`/tasks/${task.id}`);
  assert.equal(place.sandbox, attempt.sandbox);
  await page.locator(".why dd", { hasText: attempt.sandbox }).first().waitFor();
  await page.goto(`${server}/tasks/${task.id}/conversation`);
  await page.locator(".conv, .log").getByText(/Answered by web interface .*: “To the left”/).first().waitFor();
});

test("a worker has one name wherever a person reads it", async () => {
  const task = await bash("named", "exit 1");
  const { agent_id: id } = await stateOf(task.id, "failed");
  const { rows } = await get("/fleet");
  const { name } = rows.find((row) => row.agent_id === id);
  assert.notEqual(name, id);
  for (const path of [`/tasks?q=named`, "/tasks?view=timeline", "/activity", "/queues/dead-letters", `/tasks/${task.id}`, `/tasks/${task.id}/history`, "/agents"]) {
    await page.goto(server + path);
    await page.getByRole("main").getByText(name).locator("visible=true").first().waitFor();
    assert.equal(await page.getByRole("main").getByText(id, { exact: true }).count(), 0, `${path} names ${id}`);
  }
  await post(`/tasks/${task.id}/archive`, { reason: "" });
});

test("one clock: no page says hours of twelve", async () => {
  for (const path of ["/activity", "/tasks?view=timeline&range=1h", "/tasks?view=timeline"]) {
    await page.goto(server + path);
    await page.getByRole("main").getByText(/\d\d:\d\d/).first().waitFor();
    assert.equal(await page.getByRole("main").getByText(/\d [AP]M\b/).count(), 0, path);
  }
});

test("all columns of the board are whole at 1440, and what failed is not called done", async () => {
  const task = await bash("a title of many words that would make its column wider than the others are", "exit 1");
  await stateOf(task.id, "failed");
  await post("/tasks", { title: "waits", kind: "manual", payload: {} });
  await page.goto(`${server}/tasks?view=board`);
  const last = page.getByRole("region", { name: "Ended today" });
  await last.getByText(/a title of many words/).waitFor();
  const board = await page.getByRole("group", { name: "Board" }).boundingBox();
  for (const column of await page.locator(".bd-col").all()) within(await column.boundingBox(), board, "a column");
  await post(`/tasks/${task.id}/archive`, { reason: "" });
});

test("on a narrow screen a task begins with its name", async () => {
  const task = await agentTask("narrow", [{ say: "Done." }]);
  await stateOf(task.id, "succeeded");
  for (const width of [360, 1100]) {
    const phone = await (await browser.newContext({ viewport: { width, height: 740 } })).newPage();
    phone.setDefaultTimeout(30_000);
    await phone.goto(`${server}/tasks/${task.id}`);
    await phone.locator(".facts", { hasText: "Progress" }).waitFor();
    const [title, facts, tabs] = [await phone.getByRole("heading", { level: 1 }).boundingBox(), await phone.locator(".facts").boundingBox(), await phone.getByRole("navigation", { name: "Task" }).boundingBox()];
    assert.ok(title.y + title.height <= facts.y && facts.y + facts.height <= tabs.y, JSON.stringify({ width, title, facts, tabs }));
    assert.equal(await phone.evaluate(() => document.documentElement.scrollWidth), width);
    await phone.close();
  }
});
