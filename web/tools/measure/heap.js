// Windows left open while agents work at full rate: what they keep, what their threads do, tasks that hold them.
import { address, fresh, kept, spent } from "./window.js";

const MIB = 1024 * 1024;

async function opened(browser, path) {
  const window_ = await fresh(browser);
  await window_.page.addInitScript(() => {
    window.held = [];
    new PerformanceObserver((list) => list.getEntries().forEach((one) => window.held.push(one.duration))).observe({ type: "longtask" });
  });
  await window_.page.goto(address(path));
  await window_.page.getByRole("heading", { level: 1 }).waitFor();
  return window_;
}

/** After `settle` seconds the windows have what they will keep; growth is what comes to it in `seconds` more. */
export async function heap(browser, { seconds, settle, conversation }) {
  const windows = [await opened(browser, "/"), await opened(browser, `/tasks/${conversation}/conversation`)];
  await windows[0].page.waitForTimeout(settle * 1_000);
  const before = await Promise.all(windows.map(kept));
  const busy = await spent(windows[0]);
  await windows[0].page.evaluate(() => { window.held = []; });
  await windows[0].page.waitForTimeout(seconds * 1_000);
  const thread = (await spent(windows[0])).TaskDuration - busy.TaskDuration;
  const held = await windows[0].page.evaluate(() => window.held);
  const after = await Promise.all(windows.map(kept));
  return {
    growth_mib: (after[0].bytes - before[0].bytes) / MIB, conversation_growth_mib: (after[1].bytes - before[1].bytes) / MIB,
    heap_mib: after[0].bytes / MIB, thread_percent: thread / seconds / 10, long_tasks: held.length, longest_task_ms: Math.max(0, ...held), nodes_growth: after[0].nodes - before[0].nodes,
  };
}
