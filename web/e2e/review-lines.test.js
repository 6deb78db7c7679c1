// Around the changed lines: more of the file, long lines, and a question about them to the agent.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { call, launch, server } from "./browser.js";
import { accessible } from "./walk.js";

const folder = process.env.MUSTER_REPOSITORY;
const shots = process.env.MUSTER_SHOTS;
let browser;
let page;
let task;

before(async () => {
  browser = await launch();
  page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  page.setDefaultTimeout(60_000);
});
after(() => browser?.close());

async function ended(script, more = {}) {
  const payload = { agent: "scripted", prompt: "Number the lines", agent_options: { script }, ...more };
  const { id } = await call("POST", "/tasks", { title: "Number the lines", kind: "prompt", working_dir: folder, payload, timeout_seconds: 280 });
  for (;;) {
    const found = await call("GET", `/tasks/${id}`);
    if (found.finished_at) return assert.equal(found.state, "succeeded", found.error), found;
    await call("GET", `/tasks/${id}/logs?after=100000&wait_seconds=3`);
  }
}

async function shot(name) {
  if (!shots) return;
  for (const theme of ["light", "dark"]) {
    await page.evaluate((wanted) => { document.documentElement.dataset.theme = wanted; }, theme);
    await page.screenshot({ path: `${shots}/${name}-${theme}.png` });
  }
}

const file = () => page.locator("[data-file='numbers.txt']");
const line = (number) => file().locator(`td[data-s=new][data-n='${number}']`);

test("more of a file is shown around its changes, twenty lines at a time or all of it", async () => {
  const first = await ended([{ run: "for n in $(seq 1 200); do echo \"line $n\"; done > numbers.txt" }, { say: "Done." }]);
  const wide = "x".repeat(400);
  task = await ended([{ run: `sed -i 's/^line 50$/fifty ${wide}/; s/^line 120$/a hundred and twenty/' numbers.txt` }, { say: "Done." }], { base: first.attempt.run.head_commit });
  await page.goto(`${server}/tasks/${task.id}/changes?mode=unified`);
  await line(50).waitFor();
  assert.equal(await line(40).count(), 0);
  await file().getByRole("button", { name: "Show 20 lines more above line 47" }).click();
  await line(27).waitFor();
  assert.equal(await line(26).count(), 0);
  await file().getByRole("button", { name: "Show 20 lines more below line 53" }).click();
  await line(73).waitFor();
  await shot("context");
  await accessible(page);
  await file().getByRole("button", { name: "All 43" }).click();
  await line(90).waitFor();
  await file().getByRole("button", { name: "Show 20 lines more below line 123" }).click();
  await line(143).waitFor();
  await file().getByRole("button", { name: "All 57" }).click();
  await line(200).waitFor();
  assert.equal(await file().getByText("line 90", { exact: true }).count(), 1);
});

test("long lines are broken or not, in the address and in every browser", async () => {
  await page.getByRole("button", { name: "Wrap lines" }).click();
  await page.waitForURL(/wrap=off/);
  await page.getByRole("group", { name: /numbers.txt, unbroken/ }).waitFor();
  await shot("long");
  await accessible(page);
  for (;;) if ((await call("GET", "/preferences")).values.wrap === false) break; else await page.waitForRequest(/preferences/, { timeout: 1_000 }).catch(() => null);
  const other = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  await other.goto(`${server}/tasks/${task.id}/changes`);
  await other.getByRole("group", { name: /numbers.txt, unbroken/ }).waitFor({ timeout: 60_000 });
  await other.goto(`${server}/tasks/${task.id}/changes?wrap=on`);
  await other.locator("[data-file='numbers.txt'] table").waitFor();
  assert.equal(await other.getByRole("group", { name: /unbroken/ }).count(), 0);
  await other.close();
  await page.getByRole("button", { name: "Wrap lines" }).click();
  await page.waitForURL(/wrap=on/);
});

test("the agent is asked about lines at once, apart from the review", async () => {
  await page.goto(`${server}/tasks/${task.id}/changes?mode=unified`);
  await line(120).click();
  await page.getByLabel("Comment on line 120").fill("Why in words?");
  await shot("ask");
  await page.getByRole("button", { name: "Ask agent now" }).click();
  await page.getByText("Asked, in a task of its own").waitFor();
  await page.getByLabel("Comment on line 120").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await page.waitForURL(/task=tsk_/);
  const made = await call("GET", `/tasks/${new URL(page.url()).searchParams.get("task")}`);
  assert.equal(made.payload.resume, task.id);
  assert.match(made.payload.prompt, /^numbers.txt:120: Why in words\?\n\n> a hundred and twenty\n\nThese are the lines, in commit [0-9a-f]{12}\./);
  assert.equal((await call("GET", `/tasks/${task.id}/review`)).comments.length, 0);
});

test("an agent that is at work on what was asked for is asked into its run, and answers there", async () => {
  const again = [{ say: "I look at it again." }, { run: "until test -e asked; do sleep 0.2; done; rm asked" }, { say: "Looked." }];
  const script = [[{ run: "echo 'a hundred' > words.txt" }, { say: "Done." }], again, [{ say: "Because words read better." }]];
  const first = await ended(script);
  await call("POST", `/tasks/${first.id}/review`, { verdict: "request_changes", commit: first.attempt.run.head_commit, note: "Look again" });
  await page.goto(`${server}/tasks/${first.id}/conversation`);
  const messages = page.getByRole("log", { name: "Messages" });
  await messages.getByText("I look at it again.").waitFor();
  await page.goto(`${server}/tasks/${first.id}/changes?mode=unified`);
  await page.locator("[data-file='words.txt'] td[data-s=new][data-n='1']").click();
  await page.getByLabel("Comment on line 1").fill("Why in words?");
  const asks = page.getByRole("button", { name: "Ask agent now" });
  assert.equal(await asks.getAttribute("title"), "Its agent gets this with the lines now; it is no part of the review");
  await asks.click();
  await page.getByText("Asked; it reads it when its present step ends").waitFor();
  await shot("asked");
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await page.waitForURL(/\/conversation/);
  await messages.getByText("words.txt:1: Why in words?").first().waitFor();
  await messages.getByText(/not read yet|handed to it/).waitFor();
  const { attempt } = await call("GET", `/tasks/${first.id}`);
  assert.equal(attempt.number, 2);
  writeFileSync(`${attempt.run.workspace}/asked`, "");
  await messages.getByText("Because words read better.").waitFor();
  await messages.getByText(/not read yet|handed to it/).waitFor({ state: "detached" });
  assert.equal((await call("GET", `/tasks/${first.id}/review`)).comments.length, 0);
});

test("all of it can be done on a small screen", async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  await page.goto(`${server}/tasks/${task.id}/changes?wrap=off`);
  await file().getByRole("button", { name: "Show 20 lines more above line 47" }).click();
  await line(27).waitFor();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
  await shot("context-small");
});
