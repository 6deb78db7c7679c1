// A strict result: it waits, lines are commented on, it goes back, comes again with new commits, and is approved.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
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

async function queued(title, queue, ...turns) {
  const payload = { agent: "scripted", prompt: title, agent_options: { script: turns } };
  return (await call("POST", "/tasks", { title, kind: "prompt", queue, working_dir: folder, payload, timeout_seconds: 280 })).id;
}

/** The task once it fits; whoever watches what waits for people is told of results to review as well. */
async function until(id, fits) {
  for (;;) {
    const found = await call("GET", `/tasks/${id}`);
    if (fits(found)) return found;
    await call("GET", "/approvals?wait_seconds=3");
  }
}

async function shot(name) {
  if (!shots) return;
  for (const theme of ["light", "dark"]) {
    await page.evaluate((wanted) => { document.documentElement.dataset.theme = wanted; }, theme);
    await page.screenshot({ path: `${shots}/${name}-${theme}.png` });
  }
}

test("a strict result waits in the inbox, on the board and in the list", async () => {
  await call("POST", "/queues", { name: "careful", approval: "strict" });
  const lines = "for n in 1 2 3 4 5 6 7 8; do echo \"line $n\"; done > notes.txt; echo \"# Greetings to all\" > README.md";
  task = await queued("Write the notes", "careful", [{ run: lines }, { say: "Done." }], [{ run: "sed -i 's/line 2/line two/; 1i zero' notes.txt; echo more > more.txt" }, { say: "Again." }]);
  await until(task, (one) => one.review === "pending");
  await page.goto(`${server}/inbox`);
  await page.getByRole("heading", { name: "1 waiting on you" }).waitFor();
  await page.getByRole("region", { name: "Reviews" }).getByText("Write the notes").waitFor();
  await shot("inbox");
  await page.goto(`${server}/tasks?view=board`);
  await page.getByRole("region", { name: "Review" }).getByText("Write the notes").waitFor();
  await shot("board");
  await page.goto(`${server}/tasks?state=review`);
  await page.getByText("To review", { exact: true }).nth(1).waitFor();
});

test("lines are commented on by the margin, by a drag and by the keyboard", async () => {
  await page.goto(`${server}/tasks/${task}/changes?mode=unified`);
  const notes = page.locator("[data-file='notes.txt']");
  const number = (n) => notes.locator(`td[data-s=new][data-n='${n}']`);
  await number(2).click();
  await page.getByLabel("Comment on line 2").fill("Write it <b>out</b>.");
  await page.getByRole("button", { name: "Suggest" }).click();
  assert.match(await page.getByLabel("Comment on line 2").inputValue(), /```suggestion\nline 2\n```/);
  await page.keyboard.press("Control+Enter");
  await notes.getByRole("article", { name: "Draft" }).getByText("Write it <b>out</b>.").waitFor();
  await notes.getByRole("textbox").waitFor({ state: "detached" });
  const from = await number(4).boundingBox();
  const to = await number(6).boundingBox();
  await page.mouse.move(from.x + 20, from.y + 8);
  await page.mouse.down();
  await page.mouse.move(to.x + 20, to.y + 8, { steps: 4 });
  await page.mouse.up();
  await page.getByLabel("Comment on lines 4 to 6").fill("Why these?");
  await page.getByRole("button", { name: "Add comment" }).click();
  await notes.getByRole("article", { name: "Draft" }).getByText("Why these?").waitFor();
  await notes.getByRole("textbox").waitFor({ state: "detached" });
  await page.locator("h1").click();
  await page.keyboard.press("n");
  await page.keyboard.press("c");
  await page.getByRole("textbox", { name: /^Comment on line 1/ }).fill("First.");
  await page.keyboard.press("Control+Enter");
  await page.getByRole("article", { name: "Draft" }).filter({ hasText: "First." }).getByRole("button", { name: "Delete" }).click();
  await page.getByText("2 drafts, 2 files not viewed").waitFor();
  await shot("drafts");
  await accessible(page);
});

test("files are walked through, looked at, and shown side by side by the keyboard", async () => {
  await page.locator("h1").click();
  await page.keyboard.press("]");
  await page.waitForURL(/file=notes\.txt/);
  await page.keyboard.press("[");
  await page.waitForURL(/file=README\.md/);
  await page.keyboard.press("v");
  await page.getByText("2 drafts, 1 file not viewed").waitFor();
  await page.keyboard.press("u");
  await page.waitForURL(/mode=split/);
  await page.reload();
  await page.getByText("2 drafts, 1 file not viewed").waitFor();
  await shot("split");
  await page.keyboard.press("u");
});

test("requested changes go back to the agent, and what is new is shown alone", async () => {
  await page.keyboard.press("Control+Enter");
  await page.getByRole("radio", { name: /^Request changes/ }).waitFor();
  await shot("send");
  await page.getByLabel("Words for the whole").fill("Nearly there.");
  await page.keyboard.press("Control+Enter");
  await page.getByText("Back to its agent, with 2 comments").waitFor();
  const again = await until(task, (one) => one.review === "pending" && one.attempts === 2);
  const { items } = await call("GET", `/tasks/${task}/conversation?attempt=2&limit=1000`);
  const told = JSON.stringify(items);
  assert.ok(told.includes("Nearly there.") && told.includes("Why these?"), told);
  await page.getByText(/There are new commits since you started/).waitFor();
  await page.getByRole("button", { name: "Show only new changes" }).click();
  await page.locator("[data-file='more.txt']").waitFor();
  assert.equal(await page.locator("[data-file='README.md']").count(), 0);
  await page.locator("[data-file='notes.txt']").getByText("Outdated").waitFor();
  await shot("since");
  await page.getByRole("button", { name: "Show all of it" }).click();
  await page.locator("[data-file='notes.txt']").getByText("Why these?").waitFor();
  await page.getByText(/Changes requested at .* 1 new commit since: review again/).first().waitFor();
  await page.getByRole("button", { name: "Approve", exact: true }).click();
  await page.getByText(new RegExp(`Approved at ${again.attempt.run.head_commit.slice(0, 8)}`)).first().waitFor();
  await page.getByRole("button", { name: /^Merge into main/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: /^Merge into main/ }).click();
  await page.locator(".merged").getByText(/^Merged into main/).waitFor();
});

test("a rejection wants a reason, on a small screen too", async () => {
  const other = await queued("Nobody wants this", "careful", [{ write: { path: "x.txt", text: "x\n" } }, { say: "Done." }]);
  await until(other, (one) => one.review === "pending");
  await page.setViewportSize({ width: 360, height: 760 });
  await page.goto(`${server}/tasks/${other}/changes`);
  await page.getByRole("button", { name: "Reject" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Reject" }).click();
  await page.getByText("Say why it is rejected.").waitFor();
  await page.getByLabel("Why", { exact: true }).fill("Not wanted.");
  await page.getByRole("dialog").getByRole("button", { name: "Reject" }).click();
  await page.getByText(/^Rejected at /).first().waitFor();
  await shot("small");
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
  await page.setViewportSize({ width: 1440, height: 900 });
});

test("all that an attempt left is saved as one archive", async () => {
  await page.goto(`${server}/tasks/${task}/files`);
  const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download all of it" }).click()]);
  assert.equal(saved.suggestedFilename(), `${task}.2.zip`);
  const archive = readFileSync(await saved.path());
  for (const name of ["prompt.txt", "text.txt", "tools.jsonl", "summary.jsonl", "output.txt", "diff.patch", "manifest.json", "files/notes.txt"]) assert.ok(archive.includes(`${task}.2/${name}`), name);
  await shot("files");
  await accessible(page);
});
