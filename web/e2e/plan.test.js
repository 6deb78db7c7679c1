// Planning: queues and their order, dead letters, projects and money, sessions, scripts, the board.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { call, get, launch, post as send, server } from "./browser.js";
import { allAccessible } from "./walk.js";

let browser;
let page;

before(async () => {
  browser = await launch();
  page = await (await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" })).newPage();
  page.setDefaultTimeout(20_000);
});
after(() => browser?.close());

const post = (path, body = {}) => send(path, body);
const make = (title, more = {}) => post("/tasks", { title, kind: "manual", ...more });
const order = async (queue) => (await get(`/tasks?queue=${queue}&order=queue&state=ready`)).items.map((task) => task.title).join(" ");

/** A task that failed for good. */
async function failed(title, queue) {
  const task = await make(title, { queue, retry: { max_attempts: 1 } });
  const { claims } = await post(`/tasks/${task.id}/claim`, { agent_id: "kite" });
  await post(`/attempts/${claims[0].attempt_id}/fail`, { token: claims[0].token, code: "exit_nonzero", message: `${title} went wrong` });
  return task;
}

/** Until the server says so: half a minute at most. */
async function until(check) {
  for (let left = 300; ; left -= 1) {
    if (await check()) return;
    assert.ok(left > 0, `never: ${check}`);
    await page.waitForTimeout(100);
  }
}

describe("a queue", () => {
  test("is made, and told how many tasks at once and what to tell everybody", async () => {
    await page.goto(`${server}/queues?new=1`);
    const form = page.getByRole("dialog", { name: "New queue" });
    await form.getByLabel("Name").fill("line");
    await form.getByLabel("Who works it").selectOption("manual");
    await form.getByRole("button", { name: "Make the queue" }).click();
    await page.getByRole("heading", { name: "line", exact: true }).waitFor();
    await page.getByText("Nothing waits here").waitFor();
    await page.getByLabel("At once, at most").fill("2");
    await page.keyboard.press("Enter");
    await until(async () => (await get("/queues/line")).concurrency === 2);
    await page.getByRole("group", { name: "Queue" }).getByRole("button", { name: "Instructions" }).click();
    await page.getByRole("textbox", { name: "Standing instructions" }).fill("Run the tests.");
    // Somebody else changes the queue meanwhile: what is typed stays.
    await call("PATCH", "/queues/line", { concurrency: 3 });
    await page.getByLabel("At once, at most").and(page.locator("[value='3']")).waitFor();
    await page.getByRole("button", { name: "Save the instructions" }).click();
    await until(async () => (await get("/queues/line")).instructions === "Run the tests.");
  });

  test("changes its order by the keyboard and by dragging, and keeps the address on reload", async () => {
    for (const title of ["one", "two", "three"]) await make(title, { queue: "line" });
    await page.getByRole("group", { name: "Queue" }).getByRole("button", { name: "Tasks" }).click();
    const rows = page.locator("[data-line]");
    await rows.nth(2).waitFor();
    await rows.filter({ hasText: "three" }).focus();
    // The second is pressed while the first is on its way: none is lost.
    for (let twice = 0; twice < 2; twice += 1) await page.keyboard.press("Alt+ArrowUp");
    await until(async () => (await order("line")) === "three one two");
    await page.getByText("three: position 1 of 3").waitFor({ state: "attached" });
    await page.keyboard.press("Alt+ArrowDown");
    await until(async () => (await order("line")) === "one three two");
    await page.getByText("three: position 2 of 3").waitFor({ state: "attached" });
    await rows.nth(1).getByText("three").waitFor();
    await rows.filter({ hasText: "two" }).dragTo(rows.filter({ hasText: "one" }), { targetPosition: { x: 200, y: 3 } });
    await until(async () => (await order("line")) === "two one three");
    await page.reload();
    await rows.first().getByText("two").waitFor();
  });

  test("moves a task to its end and into another queue by the menu", async () => {
    await page.getByRole("button", { name: "Actions for two" }).click();
    await page.getByRole("menuitem", { name: "Last in line" }).click();
    await until(async () => (await order("line")) === "one three two");
    await page.getByRole("button", { name: "Actions for two" }).click();
    await page.getByRole("menuitem", { name: "Move to another queue…" }).click();
    await page.getByLabel("Queue", { exact: true }).last().selectOption({ label: "by-hand" });
    await page.getByRole("button", { name: "Move the task" }).click();
    await until(async () => (await order("line")) === "one three");
  });

  test("is paused, resumed, archived, found again and brought back", async () => {
    await page.getByRole("button", { name: "Pause" }).click();
    await until(async () => (await get("/queues/line")).paused);
    await page.getByRole("button", { name: "Resume" }).click();
    await until(async () => !(await get("/queues/line")).paused);
    await page.getByRole("button", { name: "More", exact: true }).click();
    await page.getByRole("menuitem", { name: "Archive" }).click();
    await page.getByRole("button", { name: "Show archived" }).click();
    await page.getByRole("navigation", { name: "Queues" }).getByRole("link", { name: /line/ }).click();
    await page.getByRole("button", { name: "Bring back" }).click();
    await until(async () => (await get("/queues/line")).status === "active");
  });
});

describe("dead letters", () => {
  test("say why, and are queued again with other words", async () => {
    await failed("mended", "line");
    await page.goto(`${server}/queues/dead-letters?q=mended`);
    await page.getByText("mended went wrong").waitFor();
    await page.getByRole("button", { name: "Edit and queue…" }).click();
    await page.getByLabel("Description").fill("Once more, with care.");
    await page.getByRole("dialog").getByRole("button", { name: "Queue again" }).click();
    await page.getByText("No dead letters match").waitFor();
    const [task] = (await get("/tasks?q=mended")).items;
    assert.equal(task.state, "ready");
    assert.equal((await get(`/tasks/${task.id}`)).description, "Once more, with care.");
  });

  test("are queued again and closed together", async () => {
    for (const title of ["wreck one", "wreck two", "wreck three"]) await failed(title, "line");
    await page.goto(`${server}/queues/dead-letters?q=wreck`);
    await page.getByLabel("Select wreck one").check();
    await page.getByLabel("Select wreck two").check();
    await page.getByRole("region", { name: "What is selected" }).getByRole("button", { name: "Queue again" }).click();
    await until(async () => (await get("/tasks?q=wreck&state=ready")).items.length === 2);
    await page.getByLabel("Select wreck one").waitFor({ state: "detached" });
    await page.getByLabel("All that are shown").check();
    await page.getByRole("region", { name: "What is selected" }).getByRole("button", { name: "Close" }).click();
    await until(async () => (await get("/tasks?q=wreck&archived=true")).items.length === 1);
    await page.getByRole("button", { name: "Undo" }).click();
    await until(async () => (await get("/tasks?q=wreck&state=failed")).items.length === 1);
  });
});

describe("a project", () => {
  test("is made with money, given more, and hands out nothing while it is paused", async () => {
    await page.goto(`${server}/projects?new=1`);
    await page.getByLabel("Name", { exact: true }).fill("hooks");
    await page.getByLabel("Capital").fill("80");
    await page.getByRole("button", { name: "Make the project" }).click();
    await page.getByRole("heading", { name: "hooks", exact: true }).waitFor();
    await page.getByText("$0 / $80 spent").waitFor();
    await page.getByRole("link", { name: "Money" }).click();
    await page.getByRole("button", { name: "Change its capital…" }).click();
    await page.getByRole("radio", { name: "Take back" }).click();
    await page.getByLabel("Dollars").fill("30");
    await page.getByRole("button", { name: "Take back $30.00" }).click();
    await page.getByText("$0 / $50 spent").waitFor();
    await page.getByRole("cell", { name: "−$30.00" }).waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("It hands out no task until it is resumed.").waitFor();
    const { claims } = await post("/claims", { agent_id: "kite", projects: [(await get("/projects/hooks")).id] });
    assert.equal(claims.length, 0);
    await page.getByRole("button", { name: "Resume" }).click();
    await until(async () => (await get("/projects/hooks")).status === "active");
    await page.goto(`${server}/projects`);
    await page.getByRole("link", { name: "Money of hooks" }).getByText("$0 / $50 spent").waitFor();
  });
});

describe("a work session", () => {
  test("is begun, lists its tasks, carries context to them and ends", async () => {
    await page.goto(`${server}/sessions?new=1`);
    await page.getByLabel("Name", { exact: true }).fill("refactor");
    await page.getByLabel("Context", { exact: true }).fill("Jitter comes last.");
    await page.getByRole("button", { name: "Begin the session" }).click();
    await page.getByRole("heading", { name: "refactor", exact: true }).waitFor();
    const id = page.url().split("/").at(-1);
    const task = await make("in the session", { session_id: id, queue: "line" });
    await page.getByRole("link", { name: /in the session/ }).waitFor();
    const { claims } = await post(`/tasks/${task.id}/claim`, { agent_id: "kite" });
    assert.equal(claims[0].context, "Jitter comes last.");
    await page.getByRole("button", { name: "End the session" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "End the session" }).click();
    await page.getByText("Ended", { exact: true }).waitFor();
    assert.equal((await get(`/sessions/${id}`)).status, "ended");
  });
});

describe("scripts", () => {
  test("name what could not be read, and run with what their form is given", async () => {
    await page.goto(`${server}/scripts`);
    await page.getByRole("region", { name: "Problems" }).getByText("broken.sh").waitFor();
    await page.getByRole("navigation", { name: "Scripts" }).getByRole("link", { name: /greet/ }).click();
    await page.getByRole("button", { name: "Run the script" }).click();
    await page.getByText("It must be given.").waitFor();
    await page.getByLabel(/^who/).fill("world");
    await page.getByLabel(/^times/).fill("2");
    await page.getByRole("button", { name: "Run the script" }).click();
    await page.waitForURL(/\/tasks\/tsk_/);
    await page.getByText("hello world").first().waitFor();
    await page.goto(`${server}/scripts/greet`);
    await page.getByRole("table", { name: "Last runs" }).getByRole("link", { name: /greet/ }).waitFor();
    await page.getByRole("button", { name: "Read the folders again" }).click();
    await page.getByText("1 script read, 1 problem").waitFor();
  });
});

describe("the board", () => {
  const card = (title) => page.locator("[data-card]").filter({ hasText: title });
  const column = (name) => page.getByRole("region", { name, exact: true });

  test("queues a failed task again when it is dropped on Queued, and refuses what cannot be", async () => {
    await failed("dropped", "line");
    await page.goto(`${server}/tasks?view=board`);
    await column("Ended today").locator("[data-card]").filter({ hasText: "dropped" }).waitFor();
    await card("dropped").dragTo(column("Queued").getByRole("heading"));
    await until(async () => (await get("/tasks?q=dropped&state=ready")).items.length === 1);
    await column("Queued").getByText("dropped").waitFor();
    await card("dropped").dragTo(column("Running").getByRole("heading"));
    await page.getByText("Not moved. Workers take tasks themselves; put it first in its queue instead.").waitFor();
  });

  test("changes the order within a queue by dragging and by Alt with an arrow", async () => {
    const queue = (await post("/queues", { name: "cards", mode: "manual" })).id;
    for (const title of ["ace", "king", "queen"]) await make(title, { queue });
    await page.goto(`${server}/tasks?view=board&queue=${queue}`);
    await card("queen").dragTo(card("ace"), { targetPosition: { x: 40, y: 4 } });
    await until(async () => (await order("cards")) === "queen ace king");
    await page.locator("[data-card]").nth(1).getByText("ace").waitFor();
    await card("king").focus();
    await page.keyboard.press("Alt+ArrowUp");
    await until(async () => (await order("cards")) === "queen king ace");
  });

  test("has a menu for what dragging does, with the reasons why not", async () => {
    await card("queen").focus();
    await page.keyboard.press("m");
    const menu = page.getByRole("dialog", { name: "Move to" });
    await menu.getByText("Only finished tasks can be archived; cancel it first.").waitFor();
    assert.ok(await menu.getByRole("button", { name: "Archive" }).isDisabled());
    await menu.getByRole("button", { name: "Cancel the task" }).click();
    await page.getByRole("dialog", { name: "Cancel this task?" }).getByRole("button", { name: "Cancel the task" }).click();
    await until(async () => (await get("/tasks?q=queen")).items[0].state === "cancelled");
  });

  test("is grouped by priority, and a drop changes it", async () => {
    await page.getByLabel("Group").selectOption("priority");
    await card("king").dragTo(column("Urgent").getByRole("heading"));
    await until(async () => (await get("/tasks?q=king")).items[0].priority === "urgent");
    assert.match(page.url(), /group=priority/);
  });

  test("becomes a timeline of runs", async () => {
    await page.goto(`${server}/tasks?view=timeline&range=1h`);
    await page.getByRole("link", { name: /wreck three: Failed/ }).waitFor();
    await page.getByRole("button", { name: "Projects" }).click();
    assert.match(page.url(), /rows=project/);
  });
});

test("forms, empty lists and what is missing of the planning pages are accessible", async () => {
  const queue = (await get("/queues/line")).id;
  await allAccessible(browser, [
    `/queues/${queue}?tab=instructions`, `/queues/${queue}?tab=history`, "/queues/que_0000000000000", "/queues?new=1", "/queues/dead-letters?q=nothing", "/projects?status=completed", "/projects?new=1", "/projects/prj_0000000000000",
    "/sessions/ses_0000000000000", "/scripts/greet", "/scripts/nothing", "/tasks?view=board&group=priority",
  ]);
});
