// Every page, opened once in a window and once on a phone: what axe finds, and whether it stands in any size and any colours.
import { test } from "node:test";
import { inThemes, sideways, throughAll, violations } from "./walk.js";

const WINDOW = { width: 1280, height: 800 };

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

/** Rows are as high as their density says, and nothing becomes too wide. */
async function densities(page) {
  const found = [];
  for (const [density, least] of [["compact", 28], ["comfortable", 40]]) {
    await page.evaluate((name) => { document.documentElement.dataset.density = name; }, density);
    const lower = await page.evaluate((height) => [...document.querySelectorAll(".tbl tbody tr.row > td:first-child")].filter((cell) => cell.getBoundingClientRect().height + 1 < height).length, least);
    if (lower > 0) found.push(`${lower} rows are lower than ${density}`);
    for (const one of await sideways(page)) found.push(`${density} ${one}`);
  }
  await page.evaluate(() => { delete document.documentElement.dataset.density; });
  return found;
}

/** In a system's own colours glyphs, what is chosen and the focus are seen. */
async function systemColours(page) {
  await page.emulateMedia({ forcedColors: "active", colorScheme: "dark", reducedMotion: "reduce" });
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
  await page.emulateMedia({ forcedColors: "none", colorScheme: "light", reducedMotion: "reduce" });
  return found;
}

/** At 200 % nothing is lost, and nothing goes on and on where less motion is wanted. */
async function zoomed(page) {
  await page.setViewportSize({ width: 640, height: 400 });
  const found = (await sideways(page)).map((one) => `at 200 % it ${one}`);
  found.push(...(await page.evaluate(() => document.getAnimations().filter((one) => one.effect.getComputedTiming().iterations === Infinity && one.playState === "running" && one.effect.target?.checkVisibility()).map((one) => `${one.animationName} goes on and on`))));
  await page.setViewportSize(WINDOW);
  return found;
}

test("in a window: axe finds nothing in either theme; densities, system colours, 200 % and longer words lose nothing", async () => {
  await throughAll({ viewport: WINDOW }, async (page) => {
    await page.locator("main h1, main h2").first().waitFor();
    const found = [...(await inThemes(page)), ...(await densities(page)), ...(await systemColours(page)), ...(await zoomed(page))];
    await lengthen(page);
    for (const one of await sideways(page)) found.push(`with longer words it ${one}`);
    return found;
  });
});

/** What is pressed by a finger and is lower than 44 pixels. */
function tooLow(page) {
  return page.evaluate(() => [...document.querySelectorAll(".btn, .ib, .tabs a, .bottom > *, nav.nav a")].filter((element) => {
    const box = element.getBoundingClientRect();
    const edge = window.getComputedStyle(element, "::after");
    const more = edge.content === "none" ? 0 : -parseFloat(edge.top) - parseFloat(edge.bottom);
    return element.checkVisibility() && box.height > 0 && box.height + more < 43.5;
  }).map((element) => element.textContent || element.getAttribute("aria-label")));
}

test("on a phone: axe finds nothing, everything fits into 320 pixels, and what is pressed by a finger is large enough", async () => {
  await throughAll({ viewport: { width: 360, height: 800 }, hasTouch: true, isMobile: true }, async (page) => {
    const found = [...(await inThemes(page, ["light"])), ...(await sideways(page))];
    await page.setViewportSize({ width: 320, height: 700 });
    for (const one of await sideways(page)) found.push(`at 320 px it ${one}`);
    // Bars of the timeline lie where their times are; the list has the same tasks.
    const sizes = await violations(page, { runOnly: { type: "rule", values: ["target-size"] }, rules: { "target-size": { enabled: true } } });
    if (!page.url().includes("view=timeline")) found.push(...sizes);
    const over = await page.evaluate(() => [...document.querySelectorAll(".st")].filter((figure) => figure.scrollWidth > figure.clientWidth).map((figure) => figure.textContent));
    if (over.length > 0) found.push(`runs into the next figure: ${over.join(", ")}`);
    const small = await tooLow(page);
    if (small.length > 0) found.push(`lower than 44 px: ${[...new Set(small)].slice(0, 5).join(", ")}`);
    await page.setViewportSize({ width: 360, height: 800 });
    return found;
  });
});
