// Opens pages of a server one after the other, and looks at each.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { launch, server } from "./browser.js";
import { everyRoute } from "./routes.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Opens these pages in one window of a kind; what `look` finds wrong with each. */
async function through(browser, routes, options, look) {
  const context = await browser.newContext({ colorScheme: "light", reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(45_000);
  // Colours that fade into one another are no colours yet.
  await page.addInitScript(() => addEventListener("DOMContentLoaded", () => document.documentElement.style.setProperty("--d-2", "0ms")));
  const found = [];
  for (const route of routes) {
    await page.goto(server + route);
    await page.getByRole("heading").first().waitFor();
    if (route.includes("peek=")) await page.locator(".peek h2").waitFor();
    await page.waitForFunction(() => document.querySelector(".sk") === null);
    for (const problem of await look(page)) found.push(`${route}: ${problem}`);
  }
  await context.close();
  return found;
}

/** Opens every page in a window of a kind, and fails for what `look` finds wrong with any. */
export async function throughAll(options, look) {
  const browser = await launch();
  try {
    const routes = await everyRoute();
    assert.ok(routes.length > 45, `only ${routes.length} pages to look at`);
    assert.deepEqual(await through(browser, routes, options, look), []);
  } finally {
    await browser.close();
  }
}

const RULES = { light: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"], dark: ["color-contrast"] };

/** What axe finds on the page as it stands; in the dark only what depends on colours. */
export async function inThemes(page, themes = ["light", "dark"]) {
  const found = [];
  for (const theme of themes) {
    await page.evaluate((name) => { document.documentElement.dataset.theme = name; }, theme);
    for (const one of await violations(page, { runOnly: RULES[theme] })) found.push(`${theme} ${one}`);
  }
  return found;
}

/** States of pages that a walk through all pages does not meet: what axe finds wide in both themes, and narrow; what does not fit. */
export async function allAccessible(browser, routes) {
  const wide = { width: 1440, height: 900 };
  const found = await through(browser, routes, { viewport: wide }, async (page) => {
    const said = [...(await inThemes(page)), ...(await sideways(page))];
    for (const width of [320, 360]) {
      await page.setViewportSize({ width, height: 800 });
      for (const one of await sideways(page)) said.push(`at ${width} px it ${one}`);
    }
    for (const one of await inThemes(page, ["light"])) said.push(`narrow: ${one}`);
    await page.setViewportSize(wide);
    return said;
  });
  assert.deepEqual(found, []);
}

/** By how much a page has to be moved sideways to be read. */
export async function sideways(page) {
  const over = await page.evaluate(() => {
    const main = document.querySelector("main");
    return Math.max(main.scrollWidth - main.clientWidth, document.documentElement.scrollWidth - window.innerWidth);
  });
  return over > 0 ? [`is too wide by ${over} px`] : [];
}

/** What axe finds by some of its rules. */
export async function violations(page, options) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe);
  // What passes is not looked at, and nobody reads selectors: without them it takes half the time.
  return page.evaluate(async (given) => {
    const result = await window.axe.run(document, { ...given, resultTypes: ["violations"], selectors: false, preload: false });
    return result.violations.map((one) => `${one.id}: ${one.nodes.slice(0, 2).map((node) => node.html.slice(0, 160)).join(" | ")}`);
  }, options);
}

/** Fails for anything that axe finds on the page as it stands. */
export async function accessible(page) {
  assert.deepEqual(await violations(page, {}), []);
}
