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

async function violations(page) {
  await page.evaluate(axe);
  const result = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }));
  return result.violations.map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
}

describe("pages", () => {
  for (const [theme, width] of [["light", 1440], ["dark", 1440], ["light", 360], ["dark", 360]]) {
    test(`are accessible, ${theme}, ${width} px`, async () => {
      const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme: theme, reducedMotion: "reduce" });
      const page = await context.newPage();
      const found = [];
      for (const route of routes) {
        await page.goto(server + route, { waitUntil: "networkidle" }).catch(() => undefined);
        await page.getByRole("heading").first().waitFor();
        await page.waitForTimeout(250);
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
      await page.goto(server + route);
      await page.getByRole("heading").first().waitFor();
      await page.waitForTimeout(200);
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
