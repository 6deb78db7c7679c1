// Queueing work: folders to choose from, what is known beforehand, the prompt as it is sent.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, server } from "./browser.js";
import { accessible } from "./walk.js";

const root = process.env.MUSTER_ROOT;
let browser;
let page;
const problems = [];

before(async () => {
  browser = await launch();
  page = await (await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" })).newPage();
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
});
after(() => browser?.close());

const directory = () => page.getByRole("combobox", { name: "Directory" });
const option = (name) => page.getByRole("listbox", { name: "Folders" }).getByRole("option", { name });

test("folders are listed with their branch, typed, gone into and left by the keyboard", async () => {
  await page.goto(`${server}/tasks/new`);
  await directory().click();
  await option(/hooks-api.*main, 1 changed/).waitFor();
  await option(/site.*main, clean/).waitFor();
  await accessible(page);
  await directory().fill(`${root}/no`);
  await option(/notes/).waitFor();
  await option(/site/).waitFor({ state: "detached" });
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  assert.equal(await directory().inputValue(), `${root}/notes/`);
  await page.keyboard.press("Escape");
  await page.getByText("Not in a git repository", { exact: false }).waitFor();
});

test("a repository says what is not committed, and offers a working copy", async () => {
  await directory().fill(`${root}/hooks-api`);
  await page.keyboard.press("Escape");
  await page.getByText("1 uncommitted change. A working copy begins at the last commit, without them.").waitFor();
  await page.getByLabel("In a working copy of its own, on a branch").uncheck();
  await page.getByText("The agent sees and may change them.", { exact: false }).waitFor();
  await page.getByLabel("In a working copy of its own, on a branch").check();
  await directory().fill(`${root}/gone`);
  await page.keyboard.press("Escape");
  await page.getByText("There is no such folder on", { exact: false }).waitFor();
  await directory().fill("/");
  await page.keyboard.press("Escape");
  await page.getByText("Outside of the folders that can be listed", { exact: false }).waitFor();
});

test("the first of its kind is rough; the prompt is shown as it is sent", async () => {
  await directory().fill(`${root}/site`);
  await page.keyboard.press("Escape");
  await page.getByRole("radio", { name: "Docs" }).click();
  await page.getByLabel("Prompt").fill("Write a greeting.");
  await page.getByText("First of its kind: rough.", { exact: false }).waitFor();
  await page.getByLabel("What this will do").getByText("now, position 1").waitFor();
  await page.getByText("More: title, project", { exact: false }).click();
  await page.getByLabel("Check").fill("test -s GREETING.md");
  await page.getByRole("button", { name: "Preview full prompt" }).click();
  const dialog = page.getByRole("dialog", { name: "The prompt as it is sent" });
  await dialog.getByRole("region", { name: "check" }).getByText("test -s GREETING.md").waitFor();
  await accessible(page);
  await page.keyboard.press("Escape");
});

test("what is written is kept over a reload, and two tasks are queued one after the other", async () => {
  await page.reload();
  assert.equal(await page.getByLabel("Prompt").inputValue(), "Write a greeting.");
  await page.getByLabel("What the scripted agent does").fill(JSON.stringify({ script: [{ say: "Done." }] }));
  await page.getByText("More: title, project", { exact: false }).click();
  await page.getByLabel("Check").fill("");
  await page.getByLabel("Prompt").press("Control+Shift+Enter");
  await page.getByText("Queued: Write a greeting.").waitFor();
  assert.equal(await page.getByLabel("Prompt").inputValue(), "");
  assert.match(page.url(), /\/tasks\/new/);
  await directory().click();
  await option(/1 task/).waitFor();
  await page.keyboard.press("Escape");
  for (let left = 300; ; left -= 1) {
    const { items } = await (await fetch(`${server}/api/v1/tasks?q=greeting`)).json();
    if (items[0].state === "succeeded") break;
    assert.ok(left > 0, `still ${items[0].state}`);
    await page.waitForTimeout(100);
  }
  await page.reload();
  await page.getByText("From 1 similar task (same type, agent and directory), 100% of which succeeded: rough.").waitFor();
  await page.getByLabel("Prompt").fill("Once more.");
  await page.getByLabel("Prompt").press("Control+Enter");
  await page.waitForURL(/\/tasks\/tsk_/);
  assert.deepEqual(problems, []);
});

test("a long text that is pasted stands apart from the prompt, can be opened, and is sent below it", async () => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.goto(`${server}/tasks/new?agent=elsewhere`);
  const prompt = page.getByLabel("Prompt", { exact: true });
  const log = Array.from({ length: 60 }, (_, index) => `line ${index + 1}`).join("\n");
  const paste = (text) => prompt.evaluate((box, words) => {
    const data = new window.DataTransfer();
    data.setData("text/plain", words);
    box.dispatchEvent(new window.ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  }, text);
  await prompt.fill("Why does it fail? ");
  await paste(log);
  const chip = page.getByRole("button", { name: /^Pasted text 1/ });
  await chip.waitFor();
  assert.equal(await prompt.inputValue(), "Why does it fail? [Pasted text 1]");
  await accessible(page);
  await chip.click();
  await page.getByRole("dialog", { name: "Pasted text 1" }).getByText("line 60").waitFor();
  await accessible(page);
  await page.keyboard.press("Escape");
  await paste(log);
  await page.getByRole("button", { name: "Remove pasted text 2" }).click();
  await page.reload();
  await chip.waitFor();
  await page.getByRole("button", { name: "Add to queue" }).click();
  await page.waitForURL(/tasks\/tsk_/);
  const made = await (await fetch(`${server}/api/v1/tasks/${page.url().match(/tsk_[0-9a-z]+/)[0]}`)).json();
  assert.equal(made.title, "Why does it fail? [Pasted text 1]");
  assert.equal(made.description, `Why does it fail? [Pasted text 1]\n\n--- Pasted text 1, 60 lines ---\n${log}\n--- end of pasted text 1 ---`);
});
