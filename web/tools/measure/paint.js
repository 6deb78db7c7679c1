// The first load of a page by a browser that has never seen it: at full speed, and on a slow machine and network.
import { address, fresh, isOwn, median, slowed } from "./window.js";

/** Notes, in the page, when it could be used: its content stands and no task holds its thread. */
function watch(own) {
  window.seen = { shift: 0, busy: 0, content: 0, largest: 0 };
  new PerformanceObserver((list) => list.getEntries().forEach((one) => { if (!one.hadRecentInput) window.seen.shift += one.value; })).observe({ type: "layout-shift", buffered: true });
  new PerformanceObserver((list) => list.getEntries().forEach((one) => { window.seen.busy = one.startTime + one.duration; })).observe({ type: "longtask", buffered: true });
  new PerformanceObserver((list) => list.getEntries().forEach((one) => { window.seen.largest = one.startTime; })).observe({ type: "largest-contentful-paint", buffered: true });
  const look = () => {
    const there = own ? document.querySelector("main h1") && document.querySelector("main [data-row]") && !document.querySelector("main .sk") : document.body?.textContent;
    if (there) window.seen.content = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

async function once(browser, path, times, slow) {
  const window_ = await fresh(browser);
  const { page } = window_;
  await slowed(window_, times, slow);
  await page.addInitScript(watch, isOwn(path));
  await page.goto(address(path), { waitUntil: "load" });
  await page.waitForFunction(() => window.seen.content > 0);
  // Long tasks that belong to the load have begun by now; those of live data come later.
  await page.waitForTimeout(500);
  const figures = await page.evaluate(() => {
    const [navigation] = performance.getEntriesByType("navigation");
    const paints = performance.getEntriesByName("first-contentful-paint");
    return { fcp: paints[0]?.startTime ?? 0, loaded: navigation.loadEventEnd, interactive: Math.max(window.seen.content, Math.min(window.seen.busy, window.seen.content + 500)), shift: window.seen.shift, largest: window.seen.largest };
  });
  await window_.close();
  return figures;
}

export async function paint(browser, { path, repeats }) {
  const quick = [];
  const slow = [];
  for (let run = 0; run < repeats; run += 1) {
    quick.push(await once(browser, path, 1, false));
    slow.push(await once(browser, path, 4, true));
  }
  const of = (runs, name) => median(runs.map((run) => run[name]));
  return {
    fcp_ms: of(quick, "fcp"), slow_fcp_ms: of(slow, "fcp"), slow_loaded_ms: of(slow, "loaded"), slow_interactive_ms: of(slow, "interactive"),
    layout_shift: Math.max(...quick.map((run) => run.shift), ...slow.map((run) => run.shift)),
  };
}
