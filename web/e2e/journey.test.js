// From an empty install to a reviewed change, in a real browser against a real server with the scripted agent.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { launch, server } from "./browser.js";

const repository = process.env.MUSTER_REPOSITORY;
let browser;
let page;
const problems = [];

before(async () => {
  browser = await launch();
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("request", (request) => !request.url().startsWith(server) && !request.url().startsWith("data:") && problems.push(`asks another host: ${request.url()}`));
});
after(() => browser?.close());

test("an empty install says what is there and that nothing needs anybody", async () => {
  await page.goto(server);
  await page.getByText("Nothing needs you.").waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
  assert.match(await page.title(), /^Fleet · muster$/);
});

test("a task is queued with the keyboard", async () => {
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.keyboard.press("c");
  await page.getByRole("heading", { name: "New task" }).waitFor();
  await page.getByLabel("Directory").fill(repository);
  await page.getByLabel("Prompt").fill("Write a greeting <img src=x onerror=alert(1)>");
  assert.equal(await page.getByLabel("Agent", { exact: true }).inputValue(), "scripted");
  await page.keyboard.press("Control+Enter");
  await page.waitForURL(/\/tasks\/tsk_/);
});

test("its agent asks, the inbox counts it, and the answer goes to it", async () => {
  const card = page.getByLabel("Task facts").getByText("Which greeting should the file hold?");
  await card.first().waitFor();
  await page.getByText("Waiting", { exact: true }).first().waitFor();
  assert.match(await page.title(), /^\(1\) /);
  await page.getByRole("navigation", { name: "Main", exact: true }).getByRole("link", { name: /Inbox/ }).click();
  await page.getByRole("heading", { name: "1 waiting on you" }).waitFor();
  await page.getByRole("button", { name: "Good morning" }).click();
  await page.getByRole("heading", { name: "Nothing waits on you" }).waitFor();
  await page.getByRole("link", { name: /Write a greeting/ }).first().click();
});

test("the task is watched until it is done", async () => {
  await page.getByText("Succeeded", { exact: true }).first().waitFor();
  await page.getByText("You said: Good morning").first().waitFor();
});

test("its conversation shows what was said and done", async () => {
  await page.getByRole("navigation", { name: "Task" }).getByRole("link", { name: /Conversation/ }).click();
  const messages = page.getByRole("log", { name: "Messages" });
  await messages.getByText("cat GREETING.md").first().waitFor();
  await messages.getByText("I wrote GREETING.md.").first().waitFor();
});

test("the diff is reviewed", async () => {
  await page.getByRole("navigation", { name: "Task" }).getByRole("link", { name: /Changes/ }).click();
  const lines = page.getByRole("table", { name: "Changes of GREETING.md" });
  await lines.getByText("Written by the scripted agent.").waitFor();
  await page.getByRole("checkbox", { name: "Viewed" }).check();
  await page.getByText("1 of 1 viewed").waitFor();
});

test("the work is merged into the branch it began at", async () => {
  await page.getByRole("button", { name: "Merge into main" }).click();
  const dialog = page.getByRole("dialog", { name: "Merge into main?" });
  assert.equal(await dialog.getByRole("radio", { name: "a merge with its history" }).isChecked(), true);
  await dialog.getByRole("button", { name: "Merge into main" }).click();
  const toast = page.locator(".toast", { hasText: /^Merged into main, now at [0-9a-f]{8}$/ });
  await toast.waitFor();
  const [told, bar] = [await toast.boundingBox(), await page.locator(".rv-foot").boundingBox()];
  assert.ok(told.y + told.height <= bar.y, `what is told lies over the decision: ${JSON.stringify([told, bar])}`);
  await page.locator(".ph").getByText(/^Merged into main by web interface, just now, [0-9a-f]{8}$/).waitFor();
  await page.getByRole("button", { name: "Merge into main" }).waitFor({ state: "detached" });
  const written = await readFile(`${repository}/GREETING.md`, "utf8");
  assert.match(written, /Written by the scripted agent/);
});

test("it is run again as a new task, and cancelled", async () => {
  await page.getByRole("link", { name: "Back to the task" }).click();
  await page.getByLabel("Task facts").getByText("merged into main", { exact: true }).waitFor();
  const first = page.url();
  await page.getByRole("button", { name: "Re-run" }).click();
  await page.getByRole("menuitem", { name: "A new task like this one" }).click();
  await page.waitForURL((url) => String(url) !== first);
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("dialog", { name: "Cancel this task?" }).getByRole("button", { name: "Cancel the task" }).click();
  await page.getByText("Cancelled", { exact: true }).first().waitFor();
});

test("a task whose words are markup shows them as words", async () => {
  await page.goto(`${server}/tasks`);
  await page.getByText("Write a greeting <img src=x onerror=alert(1)>").first().waitFor();
  assert.equal(await page.locator("img").count(), 0);
});

test("the keyboard goes through the list and opens a task", async () => {
  await page.getByRole("heading", { level: 1 }).focus();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/tasks\/tsk_/);
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("failed");
  await page.keyboard.press("Enter");
  await page.waitForURL(/state=failed/);
  await page.getByText("No tasks match").waitFor();
});

test("nothing went wrong in the browser on the way, and nothing was asked of another host", () => {
  assert.deepEqual(problems, []);
});
