// Leave to run a command of medium risk: given after a second press, refused with a reason, and settled by somebody else meanwhile.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, post, server } from "./browser.js";

let browser;
let page;

before(async () => {
  browser = await launch();
  page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  page.setDefaultTimeout(30_000);
});
after(() => browser?.close());

/** A task whose agent asks for leave; the request. */
async function asked(title) {
  const payload = { agent: "scripted", prompt: title, permissions: "ask", agent_options: { script: [{ allow: `./${title}.sh` }, { say: "Done." }] } };
  const task = await post("/tasks", { title, kind: "prompt", payload });
  for (;;) {
    const { items } = await (await fetch(`${server}/api/v1/approvals?task=${task.id}&wait_seconds=5`)).json();
    if (items.length > 0) return items[0];
  }
}

test("a command is allowed by pressing twice, and the agent runs exactly it", async () => {
  const request = await asked("first");
  await page.goto(`${server}/inbox/${request.id}`);
  await page.getByLabel("Exact command").getByText("./first.sh").waitFor();
  await page.locator("[data-decide=approve]").first().click();
  await page.locator("[data-decide=approve]", { hasText: "Confirm" }).click();
  await page.getByText(/Approved by web interface/).waitFor();
  await page.goto(`${server}/tasks/${request.task_id}/approvals`);
  await page.getByText("Approved", { exact: true }).waitFor();
  await page.getByText("Succeeded", { exact: true }).first().waitFor();
});

test("a press that is not confirmed allows nothing", async () => {
  const request = await asked("second");
  await page.goto(`${server}/inbox/${request.id}`);
  await page.locator("[data-decide=approve]").first().click();
  await page.locator("[data-decide=approve]", { hasText: "Approve" }).waitFor({ timeout: 8_000 });
  const kept = await (await fetch(`${server}/api/v1/approvals/${request.id}`)).json();
  assert.equal(kept.state, "pending");
});

test("a rejection wants a reason, which the agent hears", async () => {
  await page.locator("[data-decide=reject]").click();
  assert.ok(await page.getByRole("button", { name: "Reject", exact: true }).isDisabled());
  await page.getByLabel("Why not").fill("not on a Sunday");
  await page.keyboard.press("Enter");
  await page.getByText("“not on a Sunday”").waitFor();
  await page.getByRole("link", { name: "second" }).first().click();
  await page.getByText("I may not run ./second.sh: not on a Sunday").first().waitFor();
});

test("what somebody else settled meanwhile is shown as settled", async () => {
  const request = await asked("third");
  await page.goto(`${server}/inbox/${request.id}`);
  await page.locator("[data-decide=approve]").first().waitFor();
  await post(`/approvals/${request.id}/answer`, { verdict: "deny", text: "I was faster", by: "ann" });
  await page.getByText("“I was faster”").waitFor();
  await page.locator("[data-decide=approve]").first().waitFor({ state: "detached" });
});
