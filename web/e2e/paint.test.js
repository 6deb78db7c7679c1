// The first page: its frame before any code, and nothing that moves when the rest comes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, server } from "./browser.js";

let browser;

before(async () => { browser = await launch(); });
after(() => browser?.close());

test("what waits for somebody takes its place before it is known in full", async () => {
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  await page.addInitScript(() => {
    window.shifted = 0; window.moved = [];
    new PerformanceObserver((list) => list.getEntries().forEach((one) => { window.shifted += one.value; window.moved.push(...one.sources.map((source) => `${source.node?.className ?? source.node?.nodeName} from ${Math.round(source.previousRect.y)} to ${Math.round(source.currentRect.y)}`)); })).observe({ type: "layout-shift", buffered: true });
  });
  await page.goto(server);
  await page.getByRole("article").first().getByRole("heading", { name: "Hold the door" }).waitFor();
  const { shifted, moved } = await page.evaluate(() => ({ shifted: window.shifted, moved: window.moved }));
  assert.ok(shifted < 0.02, `a shift of ${shifted}: ${moved.join("; ")}`);
});

// A narrow sidebar follows its person to the windows that come later, so this is last.
for (const rail of [false, true]) {
  test(`the frame stands before the code is there${rail ? ", as narrow as it is kept" : ""}`, async () => {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    await context.addInitScript((narrow) => narrow && localStorage.setItem("muster.rail", "yes"), rail);
    const page = await context.newPage();
    let letThrough;
    const through = new Promise((done) => { letThrough = done; });
    await page.route(/\/assets\/.*\.js$/, (route) => through.then(() => route.continue()));
    await page.goto(server, { waitUntil: "commit" });
    await page.locator("aside .brand").waitFor();
    const width = () => page.locator("aside.side").evaluate((element) => Math.round(element.getBoundingClientRect().width));
    const before = await width();
    assert.equal(before, rail ? 52 : 216);
    letThrough();
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.getByRole("navigation", { name: "Main", exact: true }).waitFor();
    assert.equal(await width(), before);
    await context.close();
  });
}
