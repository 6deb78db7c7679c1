// Figures of the first page: node tools/measure.js, against the server at MUSTER_URL.
import { launch, server } from "../e2e/browser.js";

const browser = await launch();
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
const paints = [];
for (let run = 0; run < 5; run += 1) {
  await page.goto("about:blank");
  await page.goto(server);
  await page.getByRole("heading", { level: 1 }).waitFor();
  paints.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0));
}
await page.waitForTimeout(1_500);
const protocol = await page.context().newCDPSession(page);
await protocol.send("Performance.enable", { timeDomain: "threadTicks" });
// What the page itself costs, in processor time: frames a second say little on a machine that does other things.
const spent = async () => Object.fromEntries((await protocol.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value * 1_000]));
const before = await spent();
const figures = await page.evaluate(async () => {
  const main = document.getElementById("main");
  let frames = 0;
  let longest = 0;
  const started = performance.now();
  let last = started;
  await new Promise((done) => {
    const frame = (now) => {
      frames += 1;
      longest = Math.max(longest, now - last);
      last = now;
      main.scrollTop += 24;
      if (now - started < 3_000) requestAnimationFrame(frame);
      else done();
    };
    requestAnimationFrame(frame);
  });
  const layout = performance.getEntriesByType("layout-shift").reduce((sum, entry) => sum + entry.value, 0);
  return { frames, nodes: document.querySelectorAll("*").length, rows: document.querySelectorAll("[data-row]").length, framesPerSecond: Math.round(frames / 3), longestFrameMs: Math.round(longest), layout };
});
const after = await spent();
const perFrame = (name) => Math.round(((after[name] - before[name]) / figures.frames) * 10) / 10;
const mainThreadMsPerFrame = { all: perFrame("TaskDuration"), script: perFrame("ScriptDuration"), layout: perFrame("LayoutDuration"), style: perFrame("RecalcStyleDuration") };
console.log(JSON.stringify({ firstContentfulPaintMs: paints.sort((a, b) => a - b)[2], ...figures, mainThreadMsPerFrame }));
await browser.close();
