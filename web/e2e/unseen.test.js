// Work that an agent finished in a usual queue: found at once, looked at, set aside, merged.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, launch, server } from "./browser.js";
import { accessible } from "./walk.js";

const folder = process.env.MUSTER_REPOSITORY;
const shots = process.env.MUSTER_SHOTS;
let browser;
let page;

before(async () => {
  browser = await launch();
  page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  page.setDefaultTimeout(60_000);
});
after(() => browser?.close());

async function done(title, file) {
  const payload = { agent: "scripted", prompt: title, agent_options: { script: [{ run: `echo new > ${file}` }, { say: "Done." }] } };
  const { id } = await call("POST", "/tasks", { title, kind: "prompt", working_dir: folder, payload, timeout_seconds: 280 });
  for (let after = 0, over = false; !over;) {
    const lines = await call("GET", `/tasks/${id}/logs?wait_seconds=10&after=${after}`);
    after = lines.next_after ?? after;
    over = ["succeeded", "failed"].includes((await call("GET", `/tasks/${id}`)).state);
  }
  assert.equal((await call("GET", `/tasks/${id}`)).review, "unseen");
  return id;
}

async function shot(name) {
  if (!shots) return;
  for (const width of [1440, 360]) {
    await page.setViewportSize({ width, height: 900 });
    for (const theme of ["light", "dark"]) {
      await page.evaluate((wanted) => { document.documentElement.dataset.theme = wanted; }, theme);
      await page.screenshot({ path: `${shots}/${name}-${width}-${theme}.png` });
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 });
}

test("without any, the lists say what would bring something there", async () => {
  await page.goto(`${server}/tasks?state=review`);
  await page.getByRole("heading", { name: "Nothing to look at" }).waitFor();
  await shot("unseen-empty-list");
  await page.goto(`${server}/inbox`);
  await page.getByText("finished work that nobody looked at appear here").waitFor();
});

test("finished work is in the inbox, on the board and in the list, and none of it waits on anybody", async () => {
  await done("Write the first", "first.txt");
  await done("Write the second", "second.txt");
  await done("Write the third", "third.txt");
  await page.goto(`${server}/inbox`);
  await page.getByRole("heading", { name: "Nothing waits on you" }).waitFor();
  const section = page.getByRole("region", { name: "Finished, not looked at" });
  await section.getByText("Write the first").waitFor();
  await accessible(page, "inbox with finished work");
  await shot("unseen-inbox");
  await page.goto(`${server}/tasks?state=review`);
  await page.getByText("Write the second").waitFor();
  await shot("unseen-list");
  await page.goto(`${server}/tasks?view=board`);
  await page.getByRole("region", { name: "Review" }).getByText("Write the third").waitFor();
  await shot("unseen-board");
});

test("several are chosen and set aside together, and all of it is taken back", async () => {
  await page.goto(`${server}/inbox`);
  const section = page.getByRole("region", { name: "Finished, not looked at" });
  const bar = page.getByRole("region", { name: "Selected results" });
  await section.getByRole("link", { name: /Write the third/ }).focus();
  await page.keyboard.press("x");
  await page.keyboard.press("Shift+ArrowDown");
  await bar.getByText("2 results selected").waitFor();
  await accessible(page, "inbox with a selection");
  await shot("unseen-selected");
  await bar.getByRole("button", { name: "Set aside 2" }).click();
  await section.getByText("Write the third").waitFor({ state: "detached" });
  await section.getByText("Write the second").waitFor({ state: "detached" });
  await page.getByText("2 results set aside; their branches stay").waitFor();
  await page.keyboard.press("Control+z");
  await page.getByText("2 results taken back").waitFor();
  await section.getByText("Write the third").waitFor();
  await section.getByText("Write the second").waitFor();

  await page.goto(`${server}/tasks?state=review`);
  const list = page.getByRole("region", { name: "Selected tasks" });
  await page.getByRole("row", { name: /Write the third/ }).focus();
  await page.keyboard.press("x");
  await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("Shift+ArrowDown");
  await list.getByText("3 selected").waitFor();
  await accessible(page, "tasks to review with a selection");
  await shot("unseen-selected-list");
  // One of them is queued again meanwhile by somebody else, whose answer this window has not heard.
  const { items: [newest] } = await call("GET", "/tasks?review=unseen");
  await page.route(`**/tasks/${newest.id}/seen`, (route) => route.fulfill({ status: 409, json: { code: "wrong_state", message: "It runs again", details: {}, request_id: "", timestamp: "" } }));
  await list.getByRole("button", { name: "Set aside" }).click();
  await page.getByText(`Not set aside: ${newest.title}: It runs again`).waitFor();
  await list.getByText("1 selected").waitFor();
  await shot("unseen-refused");
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("2 results taken back").waitFor();
  await page.getByText("Write the first").waitFor();
  await page.unroute(`**/tasks/${newest.id}/seen`);
});

test("it is set aside from the inbox or the board, and leaves when it is merged", async () => {
  await page.goto(`${server}/inbox`);
  const section = page.getByRole("region", { name: "Finished, not looked at" });
  await section.getByRole("button", { name: "Set aside Write the first" }).click();
  await section.getByText("Write the first").waitFor({ state: "detached" });
  await page.goto(`${server}/tasks?view=board`);
  await page.getByRole("button", { name: "Move Write the second to…" }).click();
  await page.getByRole("button", { name: "Ended today" }).click();
  await page.getByRole("region", { name: "Ended today" }).getByText("Write the second").waitFor();
  await page.goto(`${server}/inbox`);
  await section.getByText("Write the third").click();
  await page.getByRole("button", { name: "Set aside" }).waitFor();
  await shot("unseen-changes");
  await page.getByRole("button", { name: /^Merge into/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: /^Merge into/ }).click();
  await page.locator(".merged").getByText(/^Merged into/).waitFor();
  await page.getByRole("button", { name: "Set aside" }).waitFor({ state: "detached" });
  await page.goto(`${server}/inbox`);
  await page.getByRole("heading", { name: "Nothing needs you" }).waitFor();
});
