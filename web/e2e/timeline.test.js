// Every attempt over time, and what waited for what.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, server } from "./browser.js";
import { accessible } from "./walk.js";

let browser;
let page;

before(async () => {
  browser = await launch();
  page = await (await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" })).newPage();
  page.setDefaultTimeout(30_000);
});
after(() => browser?.close());

async function post(path, body = {}) {
  const answer = await fetch(`${server}/api/v1${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

async function end(task, agent, verb = "complete", more = {}) {
  const { claims } = await post(`/tasks/${task}/claim`, { agent_id: agent });
  await post(`/attempts/${claims[0].attempt_id}/${verb}`, { token: claims[0].token, ...more });
}

test("every attempt is a bar; pointing at one or going to it draws what waited for what", async () => {
  const plan = (await post("/tasks", { title: "Plan", kind: "manual" })).id;
  const code = (await post("/tasks", { title: "Code", kind: "manual", depends_on: [plan] })).id;
  await end(plan, "wren-01", "fail", { code: "exit_nonzero", message: "no" });
  await post(`/tasks/${plan}/requeue`);
  await end(plan, "wren-01");
  await end(code, "lark-09");
  await page.goto(`${server}/tasks?view=timeline&range=1h`);
  await page.getByRole("heading", { name: "3 runs in the last 1 h" }).waitFor();
  await page.getByRole("link", { name: /^Plan: Failed/ }).waitFor();
  await page.getByRole("link", { name: /^Plan: Succeeded/ }).waitFor();
  const sizes = await page.locator(".tl .run").evaluateAll((all) => all.map((one) => one.getBoundingClientRect()).map(({ width, height }) => Math.min(width, height)));
  assert.ok(sizes.length === 3 && sizes.every((size) => size >= 24), String(sizes));
  const cut = await page.locator(".tl .run .in").evaluateAll((all) => all.filter((bar) => {
    const [whole, glyph] = [bar, bar.querySelector("svg")].map((one) => one.getBoundingClientRect());
    return glyph.width > 0 && (glyph.right > whole.right || glyph.left < whole.left);
  }).length);
  assert.equal(cut, 0, "a glyph is whole or not there");
  const lines = page.getByRole("img", { name: "1 task waited for another" });
  await page.getByRole("link", { name: /^Code: Succeeded/ }).focus();
  await lines.waitFor();
  await page.evaluate(() => document.activeElement.blur());
  await lines.waitFor({ state: "detached" });
  await page.getByRole("link", { name: /^Code: Succeeded/ }).hover();
  await lines.waitFor();
  await page.mouse.move(5, 5);
  await accessible(page);
});
