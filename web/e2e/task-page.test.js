// A task among those it hangs together with: the graph, owners of files, attempts and runs beside each other.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, server } from "./browser.js";
import { accessible } from "./walk.js";

let browser;
let page;
let main;
const problems = [];

before(async () => {
  browser = await launch();
  page = await (await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" })).newPage();
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
});
after(() => browser?.close());

async function post(path, body = {}) {
  const answer = await fetch(`${server}/api/v1${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}
const make = async (title, more = {}) => (await post("/tasks", { title, kind: "manual", ...more })).id;

async function end(task, verb = "complete", more = {}) {
  const { claims } = await post(`/tasks/${task}/claim`, { agent_id: "lark-09" });
  await post(`/attempts/${claims[0].attempt_id}/${verb}`, { token: claims[0].token, ...more });
}

const steps = () => page.getByRole("group", { name: /Steps of the work/ });

test("a task is shown with what is before it, its attempts, its parts and what is after it", async () => {
  const plan = await make("Plan");
  await end(plan);
  const [api, worker] = [await make("API", { depends_on: [plan] }), await make("Worker", { depends_on: [plan] })];
  await end(api);
  await end(worker);
  main = await make("Retry webhooks", { depends_on: [api, worker] });
  const parts = [];
  for (const name of ["backoff", "migration"]) parts.push(await make(`Part ${name}`, { parent_id: main, payload: { owns: [`${name}/**`] } }));
  await end(parts[0]);
  await make("Review", { depends_on: [main] });
  await end(main, "fail", { code: "exit_nonzero", message: "3 tests failed", exit_code: 2 });
  await post(`/tasks/${main}/requeue`);
  await end(main, "complete", { output: "All retried." });
  await page.goto(`${server}/tasks/${main}`);
  for (const name of [/^Succeeded.*Plan/, /API/, /Attempt 1/, /Attempt 2/, /Part backoff/, /Review/]) await steps().getByRole("link", { name }).waitFor();
  await page.getByRole("region", { name: "Ownership" }).getByText("migration/**").waitFor();
  await accessible(page);
});

test("arrows follow the lines, and Enter opens a step", async () => {
  await steps().getByRole("link", { name: /Attempt 2/ }).focus();
  for (const key of ["ArrowLeft", "ArrowLeft", "ArrowLeft"]) await page.keyboard.press(key);
  assert.match(await page.evaluate(() => document.activeElement.textContent), /Plan/);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  assert.match(await page.evaluate(() => document.activeElement.textContent), /Worker/);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Worker" }).waitFor();
  await page.goBack();
});

test("each attempt says why it ended, is chosen in the heading, and the address keeps it", async () => {
  const attempts = page.getByRole("region", { name: "Attempts" });
  await attempts.getByText("exit_nonzero, exit 2, 3 tests failed").waitFor();
  await page.getByRole("group", { name: "Attempts" }).getByRole("link", { name: "1" }).click();
  await page.getByText(/^Attempt 1 of/).first().waitFor();
  assert.match(page.url(), /attempt=1/);
  await attempts.getByRole("link", { name: "Compare" }).click();
  const table = page.getByRole("region", { name: "Compare runs" });
  await table.getByRole("row", { name: /State Failed Succeeded/ }).waitFor();
  await table.getByText("All retried.").waitFor();
  await accessible(page);
});

test("the same work again is a run of its own, compared with the first", async () => {
  await page.getByRole("button", { name: "Re-run" }).click();
  await page.getByRole("menuitem", { name: "A new task like this one" }).click();
  await page.waitForURL((url) => !url.pathname.includes(main) && url.pathname.includes("/tasks/tsk_"));
  const again = page.url().split("/").at(-1);
  await page.getByRole("group", { name: "Runs of the same work" }).getByText("Run 2").waitFor();
  await end(again);
  await page.goto(`${server}/tasks/${again}/compare`);
  await page.getByRole("combobox", { name: "Second run" }).selectOption({ label: "The first run" });
  await page.getByRole("row", { name: /State Succeeded Succeeded/ }).waitFor();
});

test("more than eight steps that are alike are one stack, which opens into a list", async () => {
  const whole = await make("Twelve parts");
  for (let number = 1; number <= 12; number += 1) await make(`Piece ${number}`, { parent_id: whole });
  await page.goto(`${server}/tasks/${whole}`);
  await page.getByRole("button", { name: /0 of 12 done/ }).click();
  await page.getByRole("list", { name: "Steps of the work" }).getByRole("link", { name: "Piece 12" }).waitFor();
  assert.match(page.url(), /graph=list/);
  await accessible(page);
  await page.setViewportSize({ width: 360, height: 740 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), "nothing is wider than a phone");
  assert.deepEqual(problems, []);
});
