// A change of five hundred files and twenty thousand lines: opened, scrolled, commented on, sent.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, launch, server } from "./browser.js";

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

/** The task once it is over; each wait is for lines of its output, or its end. */
async function done(id) {
  for (;;) {
    const found = await call("GET", `/tasks/${id}`);
    if (found.finished_at) return found;
    await call("GET", `/tasks/${id}/logs?wait_seconds=5&after=1000000`);
  }
}

test("five hundred files and twenty thousand lines stay usable", async () => {
  const write = "for f in $(seq -w 1 499); do mkdir -p part-${f%??}; seq -f \"$f %g\" 1 40 > part-${f%??}/file-$f.txt; done; seq 1 450 > z-long.txt";
  const payload = { agent: "scripted", prompt: "Write a lot", agent_options: { script: [{ run: write }, { say: "Done." }] } };
  const { id: large } = await call("POST", "/tasks", { title: "A large change", kind: "prompt", working_dir: folder, payload, timeout_seconds: 900 });
  assert.equal((await done(large)).state, "succeeded");
  const begun = Date.now();
  await page.goto(`${server}/tasks/${large}/changes?mode=unified`);
  await page.getByText("500 files changed").waitFor();
  await page.locator(".dfile table").first().waitFor();
  const opened = Date.now() - begun;
  // Only what is near the window was made.
  assert.ok(await page.locator(".dfile table").count() < 60);
  const frames = await page.evaluate(async () => {
    const scroller = document.querySelector("main") ?? document.scrollingElement;
    const times = [];
    let last = performance.now();
    for (let step = 0; step < 60; step += 1) {
      scroller.scrollBy(0, 400);
      await new Promise(requestAnimationFrame);
      times.push(performance.now() - last);
      last = performance.now();
    }
    return times.sort((a, b) => a - b);
  });
  console.log(`opened in ${opened} ms; frames while scrolling: median ${frames[30].toFixed(0)} ms, worst ${frames[59].toFixed(0)} ms`);
  assert.ok(frames[30] < 250, `a frame takes ${frames[30]} ms`);
  await page.getByRole("navigation", { name: "Changed files" }).getByText("file-450.txt").click();
  const file = page.locator("[data-file='part-4/file-450.txt']");
  await file.locator("table").waitFor();
  await file.locator("td[data-s=new][data-n='7']").click();
  await page.getByLabel("Comment on line 7").fill("In the middle of it.");
  await page.keyboard.press("Control+Enter");
  await file.getByRole("article", { name: "Draft" }).getByText("In the middle of it.").waitFor();
  const long = page.locator("[data-file='z-long.txt']");
  await page.getByRole("navigation", { name: "Changed files" }).getByText("z-long.txt").click();
  await long.getByText("450 lines changed.").waitFor();
  await long.getByRole("button", { name: "Show it" }).click();
  await long.locator("td[data-s=new][data-n='450']").waitFor();
  if (shots) await page.screenshot({ path: `${shots}/large.png` });
});
