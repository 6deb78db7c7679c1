// Operating a fleet: the first page of a new install, the panel, sandboxes, activity, saved views, a thousand agents.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { call, launch, server } from "./browser.js";
import { allAccessible } from "./walk.js";

let browser;
let page;
const problems = [];

before(async () => {
  browser = await launch();
  page = await (await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" })).newPage();
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => message.type() === "error" && !message.text().includes("404") && problems.push(message.text()));
  page.on("request", (request) => !request.url().startsWith(server) && !/^(data|blob):/.test(request.url()) && problems.push(`asks another host: ${request.url()}`));
});
after(() => browser?.close());

const panel = () => page.getByRole("complementary", { name: "Peek" });
const peeked = () => new URL(page.url()).searchParams.get("peek");

test("a new install says which agents there are and what they need, and runs a demo without a key", async () => {
  await page.goto(server);
  await page.getByRole("heading", { name: "Nothing has run here yet" }).waitFor();
  await page.getByText("Scripted agent (needs no key)").waitFor();
  await page.getByText(/more that muster knows are not installed/).click();
  await page.getByText(/is not on PATH/).first().waitFor();
  await page.getByRole("button", { name: "Run the demo" }).click();
  await page.waitForURL(/\/tasks\/tsk_/);
  await page.getByRole("button", { name: "Good morning" }).first().click();
  await page.getByText("Succeeded", { exact: true }).first().waitFor();
});

test("code of a diff is coloured, away from the window's own thread", async () => {
  await page.goto(`${page.url()}/changes`);
  await page.getByRole("table", { name: "Changes of GREETING.md" }).locator(".hl-k", { hasText: "Greeting" }).waitFor();
});

test("a click on a row and the space bar peek, j and k move the panel, Enter opens, Escape closes", async () => {
  for (const title of ["Peek one", "Peek two"]) await call("POST", "/tasks", { title, kind: "manual" });
  await page.goto(`${server}/tasks`);
  await page.getByRole("cell", { name: "Queued" }).first().click();
  await panel().getByRole("heading", { name: "Peek two" }).waitFor();
  const first = peeked();
  await page.keyboard.press("j");
  await panel().getByRole("heading", { name: "Peek one" }).waitFor();
  assert.notEqual(peeked(), first);
  await page.reload();
  await panel().getByRole("heading", { name: "Peek one" }).waitFor();
  await page.keyboard.press("Control+k");
  const palette = page.getByRole("dialog", { name: "Search or jump to" });
  await palette.waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("role")), "combobox", "the palette keeps the focus");
  const top = palette.getByRole("option").first();
  for (const [typed, found] of [[">gtq", "Go to Queues"], ["?dark", "Light or dark"], ["/keyb", "Settings: keyboard"], [peeked().slice(-8), "Peek one"]]) {
    await palette.getByRole("combobox").fill(typed);
    await top.getByText(found).waitFor();
  }
  await page.keyboard.press("Escape");
  await palette.waitFor({ state: "detached" });
  assert.notEqual(peeked(), null, "the panel beneath stays");
  await page.keyboard.press("Escape");
  await panel().waitFor({ state: "detached" });
  assert.equal(peeked(), null);
  await page.keyboard.press("k");
  await page.keyboard.press("Space");
  await panel().getByRole("heading").first().waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "TR", "the list keeps the focus");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/tasks\/tsk_/);
});

test("the panel is as wide as it is pulled, over the list on a tablet, a sheet on a phone", async () => {
  await page.goto(`${server}/tasks`);
  await page.getByRole("cell", { name: "Queued" }).first().click();
  const edge = page.getByRole("separator", { name: "Width of the panel" });
  await edge.press("Home");
  assert.equal(await edge.getAttribute("aria-valuenow"), "700");
  await edge.press("End");
  await edge.press("ArrowLeft");
  assert.equal(Math.round((await panel().boundingBox()).width), 416);
  await page.setViewportSize({ width: 900, height: 800 });
  assert.equal(await panel().evaluate((element) => window.getComputedStyle(element).position), "absolute");
  await page.setViewportSize({ width: 360, height: 740 });
  const sheet = await panel().boundingBox();
  assert.equal(Math.round(sheet.width), 360);
  assert.ok(sheet.y > 0 && Math.round(sheet.y + sheet.height) === 740, "from below");
  await panel().getByRole("button", { name: "Close the panel" }).click();
  await panel().waitFor({ state: "detached" });
  await page.setViewportSize({ width: 1440, height: 900 });
});

test("sandboxes are listed by machine, looked at and killed", async () => {
  const made = await call("POST", "/tasks", { title: "Sleep in a box", kind: "bash", network: false, payload: { script: "echo here; sleep 120" } });
  await page.goto(`${server}/sandboxes`);
  const row = page.getByRole("row", { name: /Sleep in a box/ });
  await row.waitFor();
  await row.getByText("Running").click();
  await panel().getByText("a script").waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/sandboxes\/att_/);
  await page.getByRole("heading", { name: "Sleep in a box" }).waitFor();
  await page.getByRole("figure", { name: /^Memory: \d/ }).waitFor();
  await page.getByRole("figure", { name: /^Memory/ }).getByRole("button", { name: "Table" }).click();
  await page.getByRole("group", { name: /as a table/ }).getByRole("cell").first().waitFor();
  await page.getByRole("button", { name: "Kill" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Kill the sandbox" }).click();
  await page.getByRole("heading", { name: "This sandbox is not open" }).waitFor();
  assert.equal((await call("GET", `/tasks/${made.id}`)).state, "cancelled");
});

test("activity is narrowed, opened and exported", async () => {
  await page.goto(`${server}/activity`);
  await page.getByText("Cancelled: Sleep in a box").waitFor();
  await page.getByLabel("Action").selectOption("task.cancelled");
  await page.getByText("Task queued").first().waitFor({ state: "detached" });
  await page.getByRole("button", { name: /Cancelled: Sleep in a box/ }).click();
  await page.getByRole("group", { name: "The event behind the entry" }).getByText("task.cancelled").waitFor();
  await page.reload();
  await page.getByRole("group", { name: "The event behind the entry" }).waitFor();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export CSV" }).click()]);
  const text = readFileSync(await file.path(), "utf8");
  assert.match(text, /^at \(UTC\),action,what/);
  assert.match(text, /task\.cancelled,Cancelled: Sleep in a box/);
  assert.ok(!text.includes("task.submitted"));
});

test("new entries of the feed wait until they are asked for", async () => {
  await page.goto(`${server}/activity?action=activity`);
  await page.getByText("No entries match").waitFor();
  await call("POST", "/activities", { type: "note", title: "Deployed to staging" });
  await page.getByRole("button", { name: /1 new/ }).click();
  await page.getByText("Deployed to staging").waitFor();
});

test("a filter is kept under a name", async () => {
  await page.goto(`${server}/tasks?state=cancelled`);
  await page.getByRole("button", { name: "Save view" }).click();
  await page.getByLabel("Name").fill("Given up");
  await page.keyboard.press("Enter");
  const views = page.getByRole("navigation", { name: "Saved views" });
  await views.getByRole("link", { name: "All tasks" }).click();
  await page.reload();
  await views.getByRole("link", { name: "Given up" }).click();
  await page.waitForURL(/state=cancelled/);
  await page.getByText("Sleep in a box").first().waitFor();
  await page.getByRole("button", { name: "View Given up" }).click();
  await page.getByRole("menuitem", { name: "Remove this view" }).click();
  await views.getByRole("link", { name: "Given up" }).waitFor({ state: "detached" });
});

test("the fleet shows what somebody wants to see, and keeps it", async () => {
  await page.goto(server);
  await page.getByText("every agent, by machine").waitFor();
  assert.ok((await page.getByRole("region", { name: "Fleet totals" }).boundingBox()).height > 100, "the strip is as high as it is");
  await page.getByRole("button", { name: "More", exact: true }).click();
  await page.getByRole("menuitem", { name: "Customise…" }).click();
  await page.getByRole("checkbox", { name: "Roll call" }).uncheck();
  await page.getByRole("checkbox", { name: "Model" }).check();
  await page.getByRole("button", { name: "Done" }).click();
  await page.reload();
  await page.getByRole("columnheader", { name: "Model" }).waitFor();
  assert.equal(await page.getByText("every agent, by machine").count(), 0);
  await page.getByRole("button", { name: "More", exact: true }).click();
  await page.getByRole("menuitem", { name: "Customise…" }).click();
  await page.getByRole("button", { name: "Reset" }).click();
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByText("every agent, by machine").waitFor();
});

test("figures of the fleet lead to what they count, and its columns sort it", async () => {
  await page.goto(server);
  await page.getByRole("link", { name: /^Finished today/ }).click();
  await page.waitForURL(/state=finished&from=today/);
  await page.getByRole("button", { name: "State is Finished; remove" }).first().waitFor();
  await page.getByRole("button", { name: /^State is Finished/ }).first().click();
  await page.waitForURL((url) => !url.search.includes("state"));
  await page.getByRole("combobox", { name: "Queued" }).selectOption({ label: "Queued in 7 days" });
  await page.waitForURL(/from=-7d/);
  await page.locator("tr[data-row]").first().waitFor();
  await page.goto(`${server}/?group=none`);
  const head = page.getByRole("columnheader", { name: "Agent" });
  await head.getByRole("button").click();
  await page.waitForURL(/sort=agent/);
  const names = () => page.locator("tr[data-row] td:first-child b").allInnerTexts();
  assert.equal(await head.getAttribute("aria-sort"), "ascending");
  const up = await names();
  assert.deepEqual(up, [...up].sort((a, b) => a.localeCompare(b)));
  await head.getByRole("button").click();
  await page.waitForURL(/sort=-agent/);
  assert.deepEqual(await names(), up.toReversed(), "also while the pointer is over the list");
});

test("agents are picked and acted upon together, and each has a menu", async () => {
  for (const id of ["agent-a", "agent-b", "agent-c"]) await call("POST", "/agents", { id, name: id });
  await page.goto(`${server}/?group=none&sort=agent`);
  const rows = page.locator("tr[data-row]");
  const menu = page.getByRole("menu", { name: /^Actions of / });
  // What is done with rows comes after they are seen; its button says that it is there.
  while (!(await page.getByRole("button", { name: /^Actions of / }).isVisible())) {
    await rows.nth(0).hover({ position: { x: 300, y: 8 } });
    await rows.nth(1).hover({ position: { x: 300, y: 8 } });
  }
  await rows.first().click({ button: "right", position: { x: 8, y: 8 } });
  await menu.getByRole("menuitem", { name: "Open agent" }).waitFor();
  await page.keyboard.press("Escape");
  await menu.waitFor({ state: "detached" });
  await page.keyboard.press("j");
  await page.locator("tr:focus").waitFor();
  const bar = page.getByRole("region", { name: "Selected agents" });
  await page.keyboard.press("x");
  await bar.getByText("1 selected").waitFor();
  await page.keyboard.press("Control+a");
  await bar.getByText(`${await rows.count()} selected`).waitFor();
  await page.keyboard.press("Escape");
  await bar.waitFor({ state: "detached" });
  await rows.nth(0).locator("td").first().click({ modifiers: ["Control"] });
  await rows.nth(1).locator("td").first().click({ modifiers: ["Shift"] });
  await bar.getByText("2 selected").waitFor();
  await bar.getByRole("button", { name: "Clear" }).click();
  await rows.nth(1).hover({ position: { x: 300, y: 8 } });
  await page.getByRole("button", { name: /^Actions of / }).click();
  await menu.getByRole("menuitem", { name: "Peek" }).click();
  await page.waitForURL(/peek=agent/);
  await panel().getByRole("link", { name: "Open the full page" }).waitFor();
});

test("tasks are picked and acted upon together, and what cannot be done says why", async () => {
  for (const title of ["Pick one", "Pick two"]) await call("POST", "/tasks", { title, kind: "manual" });
  await page.goto(`${server}/tasks?q=Pick`);
  const rows = page.locator("tr[data-row]");
  const bar = page.getByRole("region", { name: "Selected tasks" });
  await rows.nth(1).waitFor();
  while (!(await page.getByRole("button", { name: /^Actions of Pick/ }).isVisible())) for (const row of [0, 1]) await rows.nth(row).hover({ position: { x: 60, y: 8 } });
  await page.keyboard.press("j");
  await page.keyboard.press("e");
  await page.getByText("Only finished tasks can be archived.").waitFor();
  await page.keyboard.press("Control+a");
  await bar.getByText("2 selected").waitFor();
  await bar.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("dialog", { name: "Cancel 2 tasks?" }).getByRole("button", { name: "Cancel 2 tasks" }).click();
  await page.getByText("Cancelled: 2 tasks").waitFor();
  await rows.getByText("Cancelled").nth(1).waitFor();
  await page.keyboard.press("Control+a");
  await page.keyboard.press("e");
  await page.getByText("Archived: 2 tasks").waitFor();
  await page.getByText("No tasks match").waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await rows.nth(1).waitFor();
});

test("a thousand agents are a page of at most 1,500 nodes, and every one of them is reached", async () => {
  const names = Array.from({ length: 1_000 }, (_, number) => `agent-${String(number).padStart(4, "0")}`);
  for (let first = 0; first < names.length; first += 50) await Promise.all(names.slice(first, first + 50).map((id) => call("POST", "/agents", { id, name: id })));
  await page.goto(server);
  const roll = page.getByRole("listbox", { name: "Every agent, by machine" });
  await roll.waitFor();
  const nodes = () => page.evaluate(() => document.querySelectorAll("*").length);
  assert.ok((await nodes()) <= 1_500, `${await nodes()} nodes`);
  await roll.focus();
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await page.waitForURL(/peek=agent/);
  await panel().getByRole("heading", { name: /^agent-/ }).waitFor();
  await page.keyboard.press("Escape");
  await page.evaluate(() => { document.getElementById("main").scrollTop = 1e9; });
  await page.getByText("agent-0999").first().waitFor();
  assert.ok((await nodes()) <= 1_500, `${await nodes()} nodes at the end`);
  await page.evaluate(() => { document.getElementById("main").scrollTop = 0; });
  await page.getByRole("link", { name: /^Agents/ }).first().waitFor();
  await page.keyboard.press("k");
  // The row before the one that was looked at, which is at the other end of the list.
  await page.locator("tr.sel:focus").waitFor();
  await page.goto(`${server}/?view=grid`);
  await page.getByRole("list", { name: "Agents" }).getByRole("listitem").first().waitFor();
  assert.ok((await nodes()) <= 1_500, `${await nodes()} nodes in the grid`);
});

test("columns of a long list beside the panel share all of its width", async () => {
  const [made] = await Promise.all(Array.from({ length: 60 }, (_, number) => call("POST", "/tasks", { title: `One of many ${number}`, kind: "manual" })));
  for (const route of [`/tasks?peek=task:${made.id}`, "/agents?peek=agent:agent-0001"]) {
    await page.goto(server + route);
    await panel().getByRole("heading").first().waitFor();
    const first = page.locator("tr[data-row]").first();
    await first.waitFor();
    const [cells, table] = await first.evaluate((row) => [[...row.cells].reduce((sum, cell) => sum + cell.offsetWidth, 0), row.closest("table").clientWidth]);
    assert.ok(cells > table - 10, `${route}: columns of ${cells} px in a table of ${table}`);
  }
});

test("sandboxes at work, the panel over each page, empty lists and what is missing are accessible", async () => {
  const { items } = await call("GET", "/tasks?limit=1");
  await call("POST", "/tasks", { title: "Another box", kind: "bash", payload: { script: "sleep 60" } });
  let box;
  while (!box) [box] = (await call("GET", "/sandboxes")).items;
  await allAccessible(browser, [
    "/sandboxes?q=nothing", `/sandboxes/${box.id}`, `/sandboxes?peek=sandbox:${box.id}`, "/sandboxes/ghost", "/activity?action=provider", `/tasks?peek=task:${items[0].id}`, "/?peek=agent:agent-0001", "/tasks?state=failed",
  ]);
});

test("nothing went wrong in the browser on the way, and nothing was asked of another host", () => assert.deepEqual(problems, []));
