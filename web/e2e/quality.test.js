// Every page: whether it stands narrow, zoomed, under a finger, with longer words, in a system's own colours.
import { test } from "node:test";
import { sideways, throughAll, violations } from "./walk.js";

/** Every label of the interface 40 % longer, as another language would have it. Words of people and agents stay. */
function lengthen(page) {
  return page.evaluate(() => {
    const walker = document.createTreeWalker(document.querySelector("#root"), window.NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) texts.push(walker.currentNode);
    for (const text of texts) {
      const words = text.data.trim();
      if (/[a-z]{2}/i.test(words) && !text.parentElement.closest("pre, code, .mono, .log, .diff")) text.data += ` ${"ümlaut".repeat(20).slice(0, Math.ceil(words.length * 0.4))}`;
    }
  });
}

test("everything fits into 320 pixels, and what is pressed by a finger is large enough", async () => {
  await throughAll({ viewport: { width: 320, height: 700 }, hasTouch: true, isMobile: true }, async (page) => {
    const found = await sideways(page);
    // Bars of the timeline lie where their times are; the list has the same tasks.
    const sizes = await violations(page, { runOnly: { type: "rule", values: ["target-size"] }, rules: { "target-size": { enabled: true } } });
    if (!page.url().includes("view=timeline")) found.push(...sizes);
    const small = await page.evaluate(() => [...document.querySelectorAll(".btn, .ib, .tabs a, .bottom > *, nav.nav a")].filter((element) => {
      const box = element.getBoundingClientRect();
      const edge = window.getComputedStyle(element, "::after");
      const more = edge.content === "none" ? 0 : -parseFloat(edge.top) - parseFloat(edge.bottom);
      return element.checkVisibility() && box.height > 0 && box.height + more < 43.5;
    }).map((element) => element.textContent || element.getAttribute("aria-label")));
    if (small.length > 0) found.push(`lower than 44 px: ${[...new Set(small)].slice(0, 5).join(", ")}`);
    return found;
  });
});

test("at 200 %, and with words 40 % longer, nothing is lost; where less motion is wanted nothing goes on and on", async () => {
  await throughAll({ viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 }, async (page) => {
    const found = (await sideways(page)).map((one) => `at 200 % it ${one}`);
    found.push(...(await page.evaluate(() => document.getAnimations().filter((one) => one.effect.getComputedTiming().iterations === Infinity && one.playState === "running" && one.effect.target?.checkVisibility()).map((one) => `${one.animationName} goes on and on`))));
    await page.setViewportSize({ width: 1280, height: 800 });
    await lengthen(page);
    for (const one of await sideways(page)) found.push(`with longer words it ${one}`);
    await page.setViewportSize({ width: 640, height: 400 });
    return found;
  });
});

test("in a system's own colours glyphs, what is chosen and the focus are seen", async () => {
  await throughAll({ viewport: { width: 1280, height: 800 }, forcedColors: "active", colorScheme: "dark" }, async (page) => {
    await page.locator("main h1, main h2").first().waitFor();
    const found = await page.evaluate(() => {
      const said = [];
      const style = (element) => window.getComputedStyle(element);
      if (!document.documentElement.matches("[data-theme=dark]")) said.push("glyphs are drawn for another ground");
      const lost = [...document.querySelectorAll("main .gl")].filter((glyph) => glyph.checkVisibility() && style(glyph).forcedColorAdjust !== "none");
      if (lost.length > 0) said.push(`${lost.length} glyphs have no colour`);
      for (const chosen of document.querySelectorAll(".nav a[aria-current=page], .seg > [aria-pressed=true]")) {
        const other = [...chosen.parentElement.children].find((one) => one.tagName === chosen.tagName && one !== chosen && one.getAttribute("aria-current") === null && one.getAttribute("aria-pressed") !== "true");
        if (other && style(other).backgroundColor === style(chosen).backgroundColor) said.push(`${chosen.textContent} does not look chosen`);
      }
      return said;
    });
    for (let step = 0; step < 12; step += 1) {
      await page.keyboard.press("Tab");
      const unseen = await page.evaluate(() => {
        const at = document.activeElement;
        if (!at || at === document.body) return null;
        const { outlineStyle, outlineWidth } = window.getComputedStyle(at);
        return outlineStyle === "none" || parseFloat(outlineWidth) < 1 ? at.outerHTML.slice(0, 120) : null;
      });
      if (unseen) found.push(`the focus is not seen on ${unseen}`);
    }
    return found;
  });
});
