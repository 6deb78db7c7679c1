// A conversation of 5,000 entries, and output that would act if it could.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, server } from "./browser.js";

const task = process.env.MUSTER_TASK;
let browser;
let page;
const strange = [];

before(async () => {
  browser = await launch();
  page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  page.setDefaultTimeout(30_000);
  page.on("dialog", (dialog) => { strange.push(`dialog ${dialog.message()}`); void dialog.dismiss(); });
  page.on("pageerror", (error) => strange.push(String(error)));
  page.on("request", (request) => !request.url().startsWith(server) && !request.url().startsWith("data:") && strange.push(request.url()));
});
after(() => browser?.close());

const acting = () => page.locator("main :is(script, iframe, img, object, embed, form[action], [onerror], [onload], a[href^='javascript'], a[href^='data'])").count();

test("the newest of 5,000 entries are there at once, older ones when asked for", async () => {
  await page.goto(`${server}/tasks/${task}/conversation`);
  const messages = page.getByRole("log", { name: "Messages" });
  await messages.getByText("the last word").waitFor();
  assert.ok((await page.locator("main *").count()) < 1_500, "only what is near is made");
  await page.getByRole("button", { name: /^Show 200 earlier of/ }).click();
  await page.getByRole("button", { name: /^Show 200 earlier of/ }).waitFor();
  assert.equal(await acting(), 0);
});

test("markup in a conversation is shown and does nothing", async () => {
  const messages = page.getByRole("log", { name: "Messages" });
  await page.getByRole("button", { name: "Follow", exact: true }).click();
  await messages.getByText("[image: a picture]").waitFor();
  await messages.getByText("⟨U+202E⟩").first().waitFor();
  assert.equal(await acting(), 0);
});

test("colours of output are kept; what a terminal would obey is not", async () => {
  await page.goto(`${server}/tasks/${task}/output`);
  const output = page.getByRole("log", { name: "Output" });
  await output.getByText("red words", { exact: true }).waitFor();
  await output.getByText("<script>alert(1)</script>").waitFor();
  await output.getByText(/more characters$/).waitFor();
  assert.equal(await acting(), 0);
  const text = (await output.textContent()) ?? "";
  assert.ok(!text.includes("\u001b") && !text.includes("\u202e"));
});

test("nothing acted and nothing was asked of another host", () => assert.deepEqual(strange, []));
