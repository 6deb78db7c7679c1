// Every page: what axe finds in both themes, and the three densities.
import { test } from "node:test";
import { inThemes, sideways, throughAll } from "./walk.js";

test("axe finds nothing in either theme, and in three densities rows are as high as they say", async () => {
  await throughAll({ viewport: { width: 1280, height: 800 } }, async (page) => {
    const found = await inThemes(page);
    for (const [density, least] of [["compact", 28], ["comfortable", 40]]) {
      await page.evaluate((name) => { document.documentElement.dataset.density = name; }, density);
      const lower = await page.evaluate((height) => [...document.querySelectorAll(".tbl tbody tr.row > td:first-child")].filter((cell) => cell.getBoundingClientRect().height + 1 < height).length, least);
      if (lower > 0) found.push(`${lower} rows are lower than ${density}`);
      for (const one of await sideways(page)) found.push(`${density} ${one}`);
    }
    return found;
  });
});

test("axe finds nothing on a phone", async () => {
  await throughAll({ viewport: { width: 360, height: 800 } }, async (page) => [...(await inThemes(page, ["light"])), ...(await sideways(page))]);
});
