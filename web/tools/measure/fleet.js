// A large fleet, scrolled for some seconds: frames a second, nodes, and what a frame costs the page's thread.
import { address, fresh, isOwn, spent, stands } from "./window.js";

async function scrolled(seconds) {
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
      if (main) main.scrollTop += 24;
      else document.body.style.translate = `${frames % 2}px`;
      if (now - started < seconds * 1_000) requestAnimationFrame(frame);
      else done();
    };
    requestAnimationFrame(frame);
  });
  return { frames, longest, elapsed: (performance.now() - started) / 1_000, nodes: document.querySelectorAll("*").length };
}

export async function fleet(browser, { path, seconds = 3 }) {
  const window_ = await fresh(browser);
  await window_.page.goto(address(path));
  await stands(window_.page, path);
  if (isOwn(path)) await window_.page.locator("main [data-row]").first().waitFor();
  await window_.page.waitForTimeout(1_500);
  const before = await spent(window_);
  const seen = await window_.page.evaluate(scrolled, seconds);
  const after = await spent(window_);
  const perFrame = (name) => (after[name] - before[name]) / seen.frames;
  return {
    frames_per_second: seen.frames / seen.elapsed, nodes: seen.nodes, frame_ms: perFrame("TaskDuration"),
    longest_frame_ms: seen.longest, script_ms: perFrame("ScriptDuration"), layout_ms: perFrame("LayoutDuration"), style_ms: perFrame("RecalcStyleDuration"),
  };
}
