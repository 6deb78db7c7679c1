// Two windows at once, and a socket that is lost in the middle.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, launch, server } from "./browser.js";
import { accessible } from "./walk.js";

const shots = process.env.MUSTER_SHOTS;

let browser;
const problems = [];

before(async () => { browser = await launch(); });
after(() => browser?.close());

async function opened() {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  page.setDefaultTimeout(45_000);
  page.on("pageerror", (error) => problems.push(String(error)));
  return page;
}

/** A question that an agent of elsewhere asks and waits for. */
async function question(title) {
  const task = await call("POST", "/tasks", { title, kind: "manual" });
  const { claims: [held] } = await call("POST", `/tasks/${task.id}/claim`, { agent_id: "asker" });
  const request = await call("POST", `/attempts/${held.attempt_id}/approvals`, { token: held.token, key: title, kind: "question", title, document: { options: [{ id: "red", label: "Red" }, { id: "blue", label: "Blue" }] } });
  return request.approval_id;
}

/** A request as it is when it was answered. */
async function answered(id) {
  for (const until = Date.now() + 45_000; Date.now() < until;) {
    const kept = await call("GET", `/approvals/${id}`);
    if (kept.state === "answered") return kept;
  }
  return assert.fail(`${id} was not answered`);
}

test("what is done in one window shows in the other", async () => {
  const [one, other] = [await opened(), await opened()];
  const task = await call("POST", "/tasks", { title: "Seen from both sides", kind: "manual" });
  await other.goto(`${server}/tasks/${task.id}`);
  await other.getByText("Live", { exact: true }).waitFor();
  await one.goto(`${server}/tasks/${task.id}`);
  await one.getByRole("button", { name: "Cancel", exact: true }).click();
  await one.getByRole("dialog").getByRole("button", { name: "Cancel the task" }).click();
  await other.getByText("Cancelled", { exact: true }).first().waitFor();
  await Promise.all([one.context().close(), other.context().close()]);
});

test("of two answers to one question one counts, and the other window says whose", async () => {
  const [one, other] = [await opened(), await opened()];
  const id = await question("Which colour?");
  for (const page of [one, other]) {
    await page.goto(`${server}/inbox/${id}`);
    await page.getByRole("button", { name: "Blue" }).waitFor();
  }
  // Both have pressed before either is heard: the first answer is on its way until the second has been counted.
  let send;
  const late = new Promise((resolve) => { send = resolve; });
  await other.route(/\/approvals\/[^/]+\//, (route) => late.then(() => route.continue()));
  const pressed = other.waitForRequest((request) => request.method() === "POST");
  await other.getByRole("button", { name: "Blue" }).click();
  await pressed;
  await one.getByRole("button", { name: "Red" }).click();
  assert.equal((await answered(id)).answer.option, "red");
  send();
  await other.getByText(/Answered by .* Nothing was sent/).waitFor();
  for (const page of [one, other]) await page.getByRole("button", { name: "Blue" }).waitFor({ state: "detached" });
  assert.equal((await answered(id)).answer.option, "red");
  await Promise.all([one.context().close(), other.context().close()]);
});

test("who looks at the same item is shown, until that window is hidden or gone", async () => {
  const [one, other, third] = [await opened(), await opened(), await opened()];
  const id = await question("Who else is here?");
  const { task_id: task } = await call("GET", `/approvals/${id}`);
  const said = (page, words) => page.getByRole("status").filter({ hasText: words });
  await one.goto(`${server}/inbox/${id}`);
  await other.goto(`${server}/inbox/${id}`);
  for (const page of [one, other]) await said(page, "Somebody is looking at this too").waitFor();
  await third.goto(`${server}/tasks/${task}`);
  await said(one, "2 others are looking at this too").waitFor();
  await said(third, "2 others are looking at this too").waitFor();
  await said(third, "looking at this too").waitFor();
  await accessible(one, "a request that others look at");
  if (shots) await one.screenshot({ path: `${shots}/onlookers.png` });
  await other.close();
  await said(one, "Somebody is looking at this too").waitFor();
  await third.evaluate(() => { Object.defineProperty(document, "hidden", { value: true, configurable: true }); document.dispatchEvent(new window.Event("visibilitychange")); });
  await said(one, "is looking at this too").waitFor({ state: "detached" });
  await Promise.all([one, other, third].map((page) => page.context().close()));
});

test("a socket that is lost in the middle is opened anew, and nothing of meanwhile is missed", async () => {
  const page = await opened();
  const sockets = [];
  let barred = false;
  await page.routeWebSocket(/\/ws/, (socket) => {
    if (barred) return void socket.close();
    socket.connectToServer();
    sockets.push(socket);
  });
  await page.goto(`${server}/tasks`);
  await page.getByText("Live", { exact: true }).waitFor();
  barred = true;
  await sockets.at(-1).close();
  await page.getByText(/Reconnecting|Offline since/).first().waitFor();
  const id = await question("Are you there?");
  await call("POST", "/tasks", { title: "Queued while nobody heard", kind: "manual" });
  barred = false;
  await page.getByText("Live", { exact: true }).waitFor();
  await page.getByText("Queued while nobody heard").first().waitFor();
  await page.waitForFunction(() => /^\(\d+\)/.test(document.title));
  await page.goto(`${server}/inbox/${id}`);
  await page.getByRole("button", { name: "Red" }).click();
  await answered(id);
  await page.context().close();
});

test("nothing went wrong in the browser on the way", () => assert.deepEqual(problems, []));
