// What the measurements share: a window of its own, its processor time, its memory, and how slow it is made.
import { server } from "../../e2e/browser.js";

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
export const percentile = (values, share) => [...values].sort((a, b) => a - b)[Math.max(Math.ceil(values.length * share) - 1, 0)];
export const address = (path) => server + path;

/** A new window with an empty cache, and the protocol to it. */
export async function fresh(browser) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const protocol = await context.newCDPSession(page);
  await protocol.send("Performance.enable", { timeDomain: "threadTicks" });
  return { page, protocol, close: () => context.close() };
}

/** The processor `times` slower; with `slow`, a network of 1.6 Mbit/s and 150 ms as well. */
export async function slowed({ protocol }, times, slow = false) {
  if (times > 1) await protocol.send("Emulation.setCPUThrottlingRate", { rate: times });
  if (!slow) return;
  const bytes = 1_600_000 / 8;
  await protocol.send("Network.enable");
  await protocol.send("Network.emulateNetworkConditions", { offline: false, latency: 150, downloadThroughput: bytes, uploadThroughput: bytes });
}

/** Processor time of the page's own thread so far, in ms: frames a second say little on a machine that does other things. */
export async function spent({ protocol }) {
  const { metrics } = await protocol.send("Performance.getMetrics");
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value * 1_000]));
}

/** Bytes that JavaScript keeps after a collection, and the nodes of the page. */
export async function kept({ page, protocol }) {
  await protocol.send("HeapProfiler.enable");
  await protocol.send("HeapProfiler.collectGarbage");
  await protocol.send("HeapProfiler.collectGarbage");
  const { usedSize } = await protocol.send("Runtime.getHeapUsage");
  return { bytes: usedSize, nodes: await page.evaluate(() => document.querySelectorAll("*").length) };
}

/** Whether what is measured is muster's page, or the reference: the shortest text of the same server. */
export const isOwn = (path) => path !== "/health";

/** When the page's first content stands. */
export async function stands(page, path) {
  if (!isOwn(path)) return page.locator("body").waitFor();
  await page.getByRole("heading", { level: 1 }).waitFor();
  return page.locator("main .sk").first().waitFor({ state: "detached" });
}
