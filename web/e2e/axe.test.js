// Every page: what axe finds in both themes, and the three densities.
import { test } from "node:test";
import { axe, sideways, throughAll, violations } from "./walk.js";

const RULES = { light: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"], dark: ["color-contrast"] };

test("axe finds nothing in either theme, and in three densities rows are as high as they say", async () => {
  await throughAll({ viewport: { width: 1280, height: 800 } }, async (page) => {
    await page.evaluate(axe);
    const found = [];
    for (const theme of ["light", "dark"]) {
      await page.evaluate((name) => { document.documentElement.dataset.theme = name; }, theme);
      for (const one of await violations(page, { runOnly: RULES[theme] })) found.push(`${theme} ${one}`);
    }
    for (const [density, least] of [["compact", 28], ["comfortable", 40]]) {
      await page.evaluate((name) => { document.documentElement.dataset.density = name; }, density);
      const lower = await page.evaluate((height) => [...document.querySelectorAll(".tbl tbody tr.row > td:first-child")].filter((cell) => cell.getBoundingClientRect().height + 1 < height).length, least);
      if (lower > 0) found.push(`${lower} rows are lower than ${density}`);
      for (const one of await sideways(page)) found.push(`${density} ${one}`);
    }
    return found;
  });
});
