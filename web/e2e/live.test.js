// How pages hear of changes.
import { after, before, describe, test } from "node:test";
import { launch, server } from "./browser.js";

let browser;

before(async () => { browser = await launch(); });
after(() => browser?.close());

describe("pages", () => {
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
