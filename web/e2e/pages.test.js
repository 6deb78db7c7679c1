// Every page: no violation that axe finds, in both themes, wide and narrow; nothing wider than a small screen.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, describe, test } from "node:test";
import { launch, server } from "./browser.js";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let browser;
let task;
let routes = [];

before(async () => {
  browser = await launch();
  const { items } = await (await fetch(`${server}/api/v1/tasks?state=succeeded&kind=prompt&limit=1`)).json();
  task = items[0]?.id;
  routes = ["/", "/?view=grid", "/inbox", "/tasks", "/tasks?state=failed&q=nothing", "/tasks/new", "/settings", "/nowhere", "/tasks/tsk_0000000000000"];
  if (task) routes.push(...["", "/changes", "/output", "/conversation", "/approvals", "/files", "/history"].map((tab) => `/tasks/${task}${tab}`));
});
after(() => browser?.close());

const ALL = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] };
const COLOURS = { runOnly: ["color-contrast"] };

/** What axe finds on the page as it stands; in the dark only what depends on colours. */
async function violations(page) {
  await page.evaluate(axe);
  const found = [];
  for (const [theme, options] of [["light", ALL], ["dark", COLOURS]]) {
    await page.evaluate((name) => { document.documentElement.dataset.theme = name; }, theme);
    const result = await page.evaluate((what) => window.axe.run(document, what), options);
    for (const one of result.violations) found.push(`${theme} ${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
  }
  return found;
}

async function open(page, route) {
  await page.goto(server + route);
  await page.getByRole("heading").first().waitFor();
  await page.locator(".sk").first().waitFor({ state: "detached" });
}

describe("pages", () => {
  for (const width of [1440, 360]) {
    test(`are accessible at ${width} px in both themes`, async () => {
      const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme: "light", reducedMotion: "reduce" });
      const page = await context.newPage();
      // Colours that fade into one another are no colours yet.
      await page.addInitScript(() => addEventListener("DOMContentLoaded", () => document.documentElement.style.setProperty("--d-2", "0ms")));
      const found = [];
      for (const route of routes) {
        await open(page, route);
        for (const violation of await violations(page)) found.push(`${route} ${violation}`);
      }
      await context.close();
      assert.deepEqual(found, []);
    });
  }

  test("fit into 320 pixels", async () => {
    const context = await browser.newContext({ viewport: { width: 320, height: 700 } });
    const page = await context.newPage();
    const wide = [];
    for (const route of routes) {
      await open(page, route);
      const over = await page.evaluate(() => document.querySelector("main").scrollWidth - document.querySelector("main").clientWidth);
      if (over > 0) wide.push(`${route} by ${over} px`);
    }
    await context.close();
    assert.deepEqual(wide, []);
  });

  test("say truly how they hear of changes", async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.routeWebSocket(/\/ws/, (socket) => socket.close());
    await page.goto(server);
    await page.getByText("Reconnecting").waitFor();
    await page.getByText("Live (events)").waitFor({ timeout: 15_000 });
    const title = `Heard of by an event stream ${Date.now()}`;
    await page.goto(`${server}/tasks`);
    await page.getByText("Live (events)").waitFor({ timeout: 15_000 });
    await fetch(`${server}/api/v1/tasks`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ title, kind: "manual" }) });
    await page.getByText(title).waitFor({ timeout: 10_000 });
    await context.close();
  });

  test("of two windows show the same at the same time", async () => {
    const context = await browser.newContext();
    const [one, other] = [await context.newPage(), await context.newPage()];
    const title = `Seen in two windows ${Date.now()}`;
    for (const page of [one, other]) {
      await page.goto(`${server}/tasks`);
      await page.getByText("Live", { exact: true }).waitFor();
    }
    await fetch(`${server}/api/v1/tasks`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ title, kind: "manual" }) });
    for (const page of [one, other]) {
      await page.bringToFront();
      await page.getByText(title).waitFor({ timeout: 10_000 });
    }
    await context.close();
  });
});
