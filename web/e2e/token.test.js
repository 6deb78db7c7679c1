// A server that wants a token: it is asked for once, and what is saved is saved without it in an address.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { launch, server } from "./browser.js";

const token = process.env.MUSTER_SECRET;
let browser;
let page;
const asked = [];

before(async () => {
  browser = await launch();
  page = await (await browser.newContext({ viewport: { width: 1440, height: 900 }, acceptDownloads: true })).newPage();
  page.setDefaultTimeout(45_000);
  page.on("request", (request) => asked.push(`${request.method()} ${request.url()}`));
});
after(() => browser?.close());

async function post(path, body) {
  const answer = await fetch(`${server}/api/v1${path}`, { method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${token}` }, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

test("all that an attempt left is written to the disk as it comes, by a link that is good once", async () => {
  const { id } = await post("/tasks", { title: "Mend the pipe", kind: "manual" });
  const { claims } = await post(`/tasks/${id}/claim`, { agent_id: "wren-01" });
  await post(`/attempts/${claims[0].attempt_id}/complete`, { token: claims[0].token, output: "mended" });
  await page.goto(`${server}/tasks/${id}`);
  await page.getByLabel("Token").fill(token);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Mend the pipe" }).waitFor();
  await page.getByRole("button", { name: /^More/ }).first().click();
  const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: "Download bundle" }).click()]);
  assert.equal(saved.suggestedFilename(), `${id}.1.zip`);
  assert.match(saved.url(), /\/api\/v1\/downloads\/dl_/, "not a blob of the page's memory");
  assert.equal(readFileSync(await saved.path()).subarray(0, 2).toString(), "PK");
  assert.equal((await fetch(saved.url())).status, 404, "it is used up");
  assert.ok(asked.some((one) => one.endsWith("/bundle/link")));
  assert.deepEqual(asked.filter((one) => one.includes(token)), []);
});
