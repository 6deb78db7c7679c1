// Opens every page of a server, one after the other, in one browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { launch, server } from "./browser.js";
import { everyRoute } from "./routes.js";

export const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Opens every page in a window of a kind, and says what `look` finds wrong with each. */
export async function throughAll(options, look) {
  const browser = await launch();
  const found = [];
  try {
    const routes = await everyRoute();
    assert.ok(routes.length > 45, `only ${routes.length} pages to look at`);
    const page = await (await browser.newContext({ colorScheme: "light", reducedMotion: "reduce", ...options })).newPage();
    page.setDefaultTimeout(45_000);
    // Colours that fade into one another are no colours yet.
    await page.addInitScript(() => addEventListener("DOMContentLoaded", () => document.documentElement.style.setProperty("--d-2", "0ms")));
    for (const route of routes) {
      await page.goto(server + route);
      await page.getByRole("heading").first().waitFor();
      await page.waitForFunction(() => document.querySelector(".sk") === null);
      for (const problem of await look(page)) found.push(`${route}: ${problem}`);
    }
  } finally {
    await browser.close();
  }
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

export async function violations(page, options) {
  const result = await page.evaluate((given) => window.axe.run(document, given), options);
  return result.violations.map((one) => `${one.id}: ${one.nodes.slice(0, 2).map((node) => node.html.slice(0, 160)).join(" | ")}`);
}
