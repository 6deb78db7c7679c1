// Leave to run a command: by a gesture that fits its risk, refused with a reason, asked back, and settled by somebody else meanwhile.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { get, launch, post, server } from "./browser.js";
import { accessible } from "./walk.js";

let browser;
let page;

before(async () => {
  browser = await launch();
  page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  page.setDefaultTimeout(30_000);
});
after(() => browser?.close());
const made = [];
let kept = new Set();
// An agent that waits holds a place of its worker.
afterEach(async () => {
  for (const id of made.splice(0)) if (!kept.has(id)) await fetch(`${server}/api/v1/tasks/${id}/cancel`, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
});

/** A task whose agent asks for leave to run a command, or what its script says; the request. */
async function asked(title, command, more = {}) {
  const script = more.script ?? [{ say: `I need ${command} for ${title}.` }, { allow: command }, { say: "Done." }];
  const payload = { agent: "scripted", prompt: title, permissions: "ask", agent_options: { script }, ...more.payload };
  const task = await post("/tasks", { title, kind: "prompt", payload });
  made.push(task.id);
  for (;;) {
    const { items } = await get(`/approvals?task=${task.id}&wait_seconds=5`);
    if (items.length > 0) return items[0];
  }
}

async function settled(id) {
  return get(`/approvals/${id}?wait_seconds=30`);
}

const button = (name) => page.getByRole("button", { name, exact: true });
const approve = () => page.locator(".ib-detail [data-decide=approve]");

test("what is of low risk takes one press, which can be undone for five seconds and is sent then", async () => {
  const request = await asked("first", "echo first");
  assert.deepEqual(request.risk.level, "low");
  await page.goto(`${server}/inbox/${request.id}`);
  await page.getByLabel("Exact command").getByText("echo first").waitFor();
  await approve().click();
  await page.getByText(/^Approved in [1-5] s$/).waitFor();
  await page.locator(".dc-held").getByRole("button", { name: "Undo" }).click();
  await approve().waitFor();
  assert.equal((await get(`/approvals/${request.id}`)).state, "pending");
  await approve().click();
  assert.equal((await settled(request.id)).outcome, "approved");
  await page.getByText(/Approved by web interface/).waitFor();
  await page.goto(`${server}/tasks/${request.task_id}/approvals`);
  await page.getByText("Approved", { exact: true }).waitFor();
});

test("a page that is left sends at once what was approved on it", async () => {
  const request = await asked("leaving", "ls");
  await page.goto(`${server}/inbox/${request.id}`);
  await approve().click();
  await page.getByText(/^Approved in/).waitFor();
  await page.goto("about:blank");
  assert.equal((await settled(request.id)).outcome, "approved");
});

test("medium risk is pressed and confirmed; a press that is not confirmed approves nothing", async () => {
  const request = await asked("second", "npm ci");
  kept = new Set([request.task_id]);
  await page.goto(`${server}/inbox/${request.id}`);
  await page.getByText("medium risk").first().waitFor();
  await page.getByText(/asks to run a command that installs packages/).waitFor();
  await approve().click();
  await approve().getByText("Confirm").waitFor();
  await approve().getByText("Approve").waitFor({ timeout: 8_000 });
  assert.equal((await get(`/approvals/${request.id}`)).state, "pending");
});

test("a rejection wants a reason, which the agent hears", async () => {
  await page.locator("[data-decide=reject]").click();
  assert.ok(await button("Reject").isDisabled());
  await page.getByLabel("Why not").fill("not on a Sunday");
  await page.keyboard.press("Enter");
  await page.getByText("“not on a Sunday”").waitFor();
  await page.getByRole("link", { name: "second" }).first().click();
  await page.getByText("I may not run npm ci: not on a Sunday").first().waitFor();
});

test("high risk repeats the command, names what it hits, and wants its name typed; all by keyboard", async () => {
  const request = await asked("third", "git push origin release");
  assert.deepEqual(request.risk, { level: "high", reasons: ["sends commits away"], target: "release" });
  await page.goto(`${server}/inbox/${request.id}`);
  await approve().waitFor();
  await page.keyboard.press("a");
  const dialog = page.getByRole("dialog");
  await dialog.getByText("git push origin release").waitFor();
  assert.ok(await dialog.getByRole("button", { name: "Approve once" }).isDisabled());
  await page.keyboard.type("main");
  assert.ok(await dialog.getByRole("button", { name: "Approve once" }).isDisabled());
  await page.keyboard.press("Control+A");
  await page.keyboard.type("release");
  await page.keyboard.press("Enter");
  assert.equal((await settled(request.id)).outcome, "approved");
});

test("approving for longer shows the rule first, and the same is not asked again", async () => {
  const request = await asked("rule", "npm ci");
  await page.goto(`${server}/inbox/${request.id}`);
  await page.getByRole("button", { name: "Approve for longer" }).click();
  await page.getByRole("menuitem", { name: /in this project/ }).click();
  await page.getByRole("dialog").getByText(/may do exactly this, in the project default, without asking/).waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Approve and write the rule" }).click();
  assert.equal((await settled(request.id)).answer.scope, "project");
  assert.equal((await get("/permissions")).items[0].subject, "npm ci");
});

test("asking back decides nothing, and the next request shows what was asked and said", async () => {
  const script = [{ allow: "npm install left-pad" }, { say: "It pads on the left." }, { allow: "npm install left-pad" }, { say: "Done." }];
  const request = await asked("asks", "", { script });
  await page.goto(`${server}/inbox/${request.id}`);
  await approve().waitFor();
  await page.keyboard.press("q");
  await page.getByLabel("What you want to know").fill("What is it for?");
  await page.keyboard.press("Enter");
  assert.equal((await settled(request.id)).outcome, "asked back");
  let next;
  for (;;) {
    next = (await get(`/approvals?task=${request.task_id}&wait_seconds=5`)).items[0];
    if (next && next.id !== request.id) break;
  }
  await page.goto(`${server}/inbox/${next.id}`);
  await page.getByText(/asked back: “What is it for\?” Its agent: “It pads on the left\.”/).waitFor();
  await post(`/approvals/${next.id}/answer`, { verdict: "deny", text: "no" });
});

test("a request waits longer when told so; when its time is over it says so and can be asked again", async () => {
  const request = await asked("late", "npm ci --late", { payload: { answer_seconds: 240 } });
  await page.goto(`${server}/inbox/${request.id}`);
  await button("+30 min").click();
  await page.getByText("It waits longer").waitFor();
  assert.ok((await get(`/approvals/${request.id}`)).expires_at > request.expires_at);
  const short = await asked("short", "npm ci --short", { payload: { answer_seconds: 3 }, script: [{ allow: "npm ci --short" }, { wait: 120 }] });
  await page.goto(`${server}/inbox/${short.id}`);
  await page.getByText("Nobody answered in time. Nothing ran").waitFor();
  await button("Ask again").click();
  await page.getByText("Its agent was told. If it still needs this, it asks again here.").waitFor();
  await post(`/tasks/${short.task_id}/cancel`, { reason: "" });
});

test("the second decision hears who was first, and nothing is sent twice", async () => {
  const request = await asked("fourth", "npm ci --fourth");
  await page.goto(`${server}/inbox/${request.id}`);
  await approve().waitFor();
  // What the page hears of it comes too late here: its socket is held back.
  await page.route("**/api/v1/approvals*", (route) => (route.request().method() === "GET" ? route.abort() : route.continue()));
  await page.route(`**/api/v1/approvals/${request.id}`, (route) => route.abort());
  await approve().click();
  await post(`/approvals/${request.id}/answer`, { verdict: "deny", text: "I was faster", by: "ann" });
  await approve().click();
  await page.getByText(/Rejected by ann \d+ s ago\. Nothing was sent\./).waitFor();
  await page.unrouteAll();
  assert.equal((await get(`/approvals/${request.id}`)).answered_by, "ann");
});

test("what is of low risk is selected and approved together", async () => {
  const requests = [await asked("one", "cat README.md"), await asked("two", "git status"), await asked("three", "npm ci --three")];
  await page.goto(`${server}/inbox?kind=permission`);
  await page.getByLabel(/^Select .*cat README/).check();
  await page.getByLabel(/^Select .*git status/).check();
  assert.equal(await page.getByLabel(/^Select .*npm ci --three/).count(), 0);
  await page.getByText("2 requests of low risk selected").waitFor();
  await button("Approve 2").click();
  await page.getByText("2 approved").waitFor();
  for (const request of requests.slice(0, 2)) assert.equal((await settled(request.id)).outcome, "approved");
  assert.equal((await get(`/approvals/${requests[2].id}`)).state, "pending");
  kept = new Set([requests[2].task_id]);
});

test("one figure feeds heading, sidebar, title, bell and the dot on the icon; snoozing takes an item out of the list", async () => {
  const { waiting } = await get("/overview");
  await page.goto(`${server}/inbox`);
  await page.getByRole("heading", { level: 1, name: `${waiting} waiting on you` }).waitFor();
  await page.waitForFunction((amount) => document.title.startsWith(`(${amount}) `), waiting);
  await page.getByRole("link", { name: `${waiting} waiting on you` }).waitFor();
  assert.match(await page.locator("link[rel=icon]").getAttribute("href"), /^data:image\/svg/);
  await page.locator(".ib-item").first().waitFor();
  const title = await page.locator(".ib-item b").first().textContent();
  await page.locator(".ib-list").getByText(title).waitFor();
  await button("Snooze").click();
  await page.getByRole("menuitem", { name: "1 hour" }).click();
  await page.getByRole("button", { name: /^Snoozed 1/ }).waitFor();
  await page.locator(".ib-list").getByText(title).waitFor({ state: "detached" });
  await page.getByRole("heading", { level: 1, name: `${waiting} waiting on you` }).waitFor();
  const elsewhere = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  await elsewhere.goto(`${server}/inbox?kind=snoozed`);
  await elsewhere.locator(".ib-list").getByText(title).waitFor({ timeout: 30_000 });
  await elsewhere.close();
});

test("the list holds still while somebody points at it; what came is told of and put in when asked for", async () => {
  const first = await asked("steady one", "git push origin one", { payload: { answer_seconds: 900 } });
  await page.goto(`${server}/inbox/${first.id}`);
  const rows = () => page.locator(".ib-item b").allTextContents();
  await page.locator(".ib-list").getByText(first.title, { exact: true }).waitFor();
  await page.locator(".ib-item").first().hover();
  const before = await rows();
  const soon = await asked("steady two", "git push origin two", { payload: { answer_seconds: 300 } });
  await page.getByText("1 more waits").waitFor();
  assert.deepEqual(await rows(), before);
  await page.keyboard.press("r");
  await page.locator(".ib-list").getByText(soon.title, { exact: true }).waitFor();
  assert.equal((await rows()).length, before.length + 1);
  await post(`/approvals/${soon.id}/answer`, { verdict: "deny", text: "no", by: "test" });
  await page.locator(".ib-item.held").getByText(soon.title, { exact: true }).waitFor();
  await page.mouse.move(900, 5);
  await page.locator(".ib-list").getByText(soon.title, { exact: true }).waitFor({ state: "detached" });
});

test("cards of Fleet can ask back and give more time", async () => {
  const request = await asked("from fleet", "git push origin fleet", { payload: { answer_seconds: 200 } });
  await page.goto(server);
  const card = page.getByRole("article", { name: request.title });
  await card.getByRole("button", { name: "+30 min" }).click();
  await page.getByText("It waits longer").waitFor();
  assert.ok((await get(`/approvals/${request.id}`)).expires_at > request.expires_at);
  await page.getByRole("article", { name: request.title }).getByRole("button", { name: "Ask", exact: true }).click();
  await page.getByLabel("What you want to know").fill("Why?");
  await page.keyboard.press("Enter");
  assert.equal((await settled(request.id)).outcome, "asked back");
});

test("a decision is comfortable with one hand on a narrow screen", async () => {
  const { items } = await get("/approvals");
  const phone = await (await browser.newContext({ viewport: { width: 360, height: 740 }, hasTouch: true })).newPage();
  phone.setDefaultTimeout(30_000);
  await phone.goto(`${server}/inbox/${items[0].id}`);
  const press = phone.locator(".ib-detail [data-decide=approve]");
  await press.waitFor();
  const box = await press.boundingBox();
  assert.equal(Math.round(box.height), 48);
  assert.ok(box.y + box.height <= 740, `it is at ${box.y}`);
  assert.equal(await phone.evaluate(() => document.documentElement.scrollWidth), 360);
  await phone.close();
});

test("the inbox is accessible, also while a decision of high risk is confirmed", async () => {
  const request = await asked("axe", "git push origin axe");
  await page.goto(`${server}/inbox/${request.id}`);
  await approve().click();
  await page.getByRole("dialog").waitFor();
  await accessible(page);
  await page.keyboard.press("Escape");
  await accessible(page);
});

test("the last minute of a request is said at once to whoever listens", async () => {
  await asked("minute", "npm ci --minute", { payload: { answer_seconds: 50 } });
  await page.goto(`${server}/settings`);
  await page.locator("[data-last-minute]", { hasText: "expires in one minute" }).waitFor({ state: "attached" });
});
