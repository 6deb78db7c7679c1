// A conversation of 5,000 entries: what is made, what comes when it is scrolled up, what steps used and calls changed.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, server } from "./browser.js";
import { accessible } from "./walk.js";

const task = process.env.MUSTER_TASK;
const MOST_NODES = 900;
let browser;
let page;

before(async () => {
  browser = await launch();
  page = await (await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" })).newPage();
  page.setDefaultTimeout(30_000);
});
after(() => browser?.close());

const messages = () => page.getByRole("log", { name: "Messages" });
const nodes = () => page.locator("main *").count();
const earlier = () => page.getByRole("button", { name: /^Show 200 earlier of/ });

test("the newest entries are there and little else is made", async () => {
  await page.goto(`${server}/tasks/${task}/conversation`);
  await messages().getByText("The last word.").waitFor();
  assert.ok((await nodes()) < MOST_NODES, `${await nodes()} elements`);
  await messages().getByText("2.1k in · 412 out · $0.02").last().waitFor();
});

test("a call that failed last shows itself, and an edit leads to what became of the file", async () => {
  await messages().getByText("1 test failed").waitFor();
  await messages().getByText("src/pipe.py").first().click();
  const link = messages().getByRole("link", { name: "What became of src/pipe.py" });
  assert.equal(await link.getAttribute("href"), `/tasks/${task}/changes?attempt=1&file=src%2Fpipe.py`);
  await accessible(page);
});

test("older pages come when it is scrolled up, and what is read stays where it is", async () => {
  const said = await earlier().textContent();
  const kept = await messages().evaluate(async (box) => {
    box.scrollTop = 150;
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const top = box.getBoundingClientRect().top;
    const first = [...box.querySelectorAll(".msg")].find((one) => one.getBoundingClientRect().top >= top);
    return { text: first.textContent, at: first.getBoundingClientRect().top - top };
  });
  await page.waitForFunction((before) => ![...document.querySelectorAll("button")].some((one) => one.textContent === before), said);
  const now = await messages().evaluate(async (box, text) => {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const found = [...box.querySelectorAll(".msg")].find((one) => one.textContent === text);
    return found ? found.getBoundingClientRect().top - box.getBoundingClientRect().top : null;
  }, kept.text);
  assert.ok(now !== null, `${kept.text} is not there any more`);
  assert.ok(Math.abs(now - kept.at) < 120, `${kept.text} moved by ${now - kept.at}`);
  assert.ok((await nodes()) < MOST_NODES * 2, `${await nodes()} elements`);
});

test("the log is narrowed to a stretch of time by keys and by dragging, and the address keeps it", async () => {
  await page.goto(`${server}/tasks/${task}/logs?log=tools.jsonl`);
  const strip = page.getByRole("figure", { name: "Events over time" });
  const amount = page.getByText(/^[\d,.k]+ lines? of 1250$/);
  await strip.getByText("drag to narrow", { exact: false }).waitFor();
  await strip.getByRole("slider", { name: "From" }).press("End");
  await amount.waitFor();
  assert.match(page.url(), /from=/);
  await page.reload();
  await amount.waitFor();
  await strip.getByRole("button", { name: "All times" }).click();
  await page.getByText(/^1,250 lines, /).waitFor();
  const box = await strip.locator(".ts-in").boundingBox();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 1, box.y + 20, { steps: 4 });
  await page.mouse.up();
  await amount.waitFor();
  assert.match(page.url(), /to=/);
  await accessible(page);
  await page.goto(`${server}/tasks/${task}/logs?log=tools.jsonl&tool=Edit`);
  await page.getByRole("log", { name: "tools.jsonl" }).getByRole("button", { name: /Edit/ }).click();
  await page.getByRole("link", { name: "What became of src/pipe.py" }).waitFor();
});
