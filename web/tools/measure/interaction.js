// From a key or a press to the next frame on the screen, as the browser itself times it (Event Timing, steps of 8 ms).
import { address, fresh, isOwn, median, percentile, slowed, stands } from "./window.js";

/** The browser names nothing that took less. */
const LEAST = 16;

function listen() {
  window.timed = new Map();
  const note = (list) => list.getEntries().forEach((one) => { if (one.interactionId) window.timed.set(one.interactionId, Math.max(one.duration, window.timed.get(one.interactionId) ?? 0)); });
  new PerformanceObserver(note).observe({ type: "event", durationThreshold: 16, buffered: true });
}

const twoFrames = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0)))));

/** How long each of `acts` took to be seen. */
async function timed(page, acts) {
  const took = [];
  for (const act of acts) {
    await page.evaluate(() => window.timed.clear());
    await act();
    await twoFrames(page);
    await twoFrames(page);
    took.push(Math.max(LEAST, ...(await page.evaluate(() => [...window.timed.values()]))));
  }
  return took;
}

const keys = (page, ...names) => names.map((name) => () => page.keyboard.press(name));
const many = (name, count) => Array.from({ length: count }, () => name);

async function lists(page) {
  const took = [];
  for (const path of ["/tasks", "/"]) {
    await page.goto(address(path));
    await page.locator("main [data-row]").first().waitFor();
    took.push(...(await timed(page, keys(page, ...many("j", 12), ...many("k", 4), "Space", ...many("j", 4), "Escape"))));
  }
  return took;
}

async function everywhere(page) {
  await page.goto(address("/tasks"));
  await page.locator("main [data-row]").first().waitFor();
  const took = await timed(page, [...keys(page, "[", "[", "Control+d", "Control+d", "/"), ...keys(page, ..."lease"), ...keys(page, "Escape")]);
  for (const letter of ["i", "f", "t", "a", "q", "p"]) {
    took.push(...(await timed(page, keys(page, "g", letter))));
    await stands(page, "/");
  }
  await page.goto(address("/tasks"));
  await page.locator("main [data-row]").first().waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/tasks\/tsk_/);
  const tabs = page.getByRole("navigation", { name: "Task", exact: true });
  await tabs.waitFor();
  const named = ["Output", "Conversation", "Approvals", "Files", "History", "Overview"].map((name) => tabs.getByRole("link", { name: new RegExp(`^${name}`) }));
  took.push(...(await timed(page, named.map((tab) => () => tab.click()))));
  took.push(...(await timed(page, keys(page, "c"))));
  const prompt = page.getByRole("textbox").first();
  await prompt.waitFor();
  await prompt.click();
  took.push(...(await timed(page, keys(page, ..."write"))));
  return took;
}

/** From the key to the frame that has the palette in it. */
async function palette(page, repeats) {
  await page.goto(address("/"));
  await page.locator("main [data-row]").first().waitFor();
  // Its code is fetched when the page has come to rest.
  await page.waitForLoadState("networkidle");
  const took = [];
  for (let run = 0; run <= repeats; run += 1) {
    const seen = page.evaluate(() => new Promise((done) => {
      let pressed = 0;
      addEventListener("keydown", (event) => { pressed = event.timeStamp; }, { capture: true, once: true });
      const look = () => (pressed && document.querySelector("[role=combobox][aria-label='Search or jump to']") ? setTimeout(() => done(performance.now() - pressed), 0) : requestAnimationFrame(look));
      requestAnimationFrame(look);
    }));
    await twoFrames(page);
    await page.keyboard.press("Control+k");
    took.push(await seen);
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
  }
  return { first: took[0], again: median(took.slice(1)) };
}

async function reference(page) {
  await page.goto(address("/health"));
  await page.evaluate(() => addEventListener("keydown", (event) => { document.body.textContent = event.key + performance.now(); }));
  const took = await timed(page, keys(page, ...many("j", 20)));
  return { p75_ms: percentile(took, 0.75), lists_p75_ms: percentile(took, 0.75), palette_ms: percentile(took, 0.5), slow_palette_ms: percentile(took, 0.5) };
}

export async function interaction(browser, { path, repeats, slowdown = 4 }) {
  const window_ = await fresh(browser);
  const { page, protocol } = window_;
  await page.addInitScript(listen);
  await slowed(window_, slowdown);
  if (!isOwn(path)) return reference(page);
  const inLists = await lists(page);
  const all = await everywhere(page);
  const slow = await palette(page, repeats);
  await protocol.send("Emulation.setCPUThrottlingRate", { rate: 1 });
  const opened = await palette(page, repeats);
  return { p75_ms: percentile([...inLists, ...all], 0.75), worst_ms: Math.max(...inLists, ...all), lists_p75_ms: percentile(inLists, 0.75), palette_ms: opened.again, slow_palette_ms: slow.again, palette_first_ms: slow.first, interactions: inLists.length + all.length };
}
