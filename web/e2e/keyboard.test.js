// What a person does every day, by the keyboard alone: no pointer is used, and no field is reached but by keys.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, launch, server } from "./browser.js";

const repository = process.env.MUSTER_REPOSITORY;
let browser;
let page;
const problems = [];

before(async () => {
  browser = await launch();
  page = await (await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" })).newPage();
  page.setDefaultTimeout(45_000);
  page.on("pageerror", (error) => problems.push(String(error)));
});
after(() => browser?.close());

/** A request as it is when it was answered. */
async function answered(id) {
  for (const until = Date.now() + 45_000; Date.now() < until;) {
    const kept = await call("GET", `/approvals/${id}`);
    if (kept.state === "answered") return kept;
  }
  return assert.fail(`${id} was not answered`);
}

/** What has the focus is called. */
const focused = () => page.evaluate(() => {
  const at = document.activeElement;
  return (at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent ?? at.textContent ?? "").trim();
});

/** Presses a key, Tab unless said otherwise, until what is called so has the focus; and sees that it shows it. */
async function reach(name, key = "Tab") {
  const passed = [];
  for (let step = 0; step < 120; step += 1) {
    await page.keyboard.press(key);
    const at = await focused();
    if (name.test(at)) {
      const outline = await page.evaluate(() => window.getComputedStyle(document.activeElement).outlineStyle);
      assert.notEqual(outline, "none", `the focus shows on ${at}`);
      return;
    }
    passed.push(at.slice(0, 30));
  }
  assert.fail(`${name} is not reached by ${key}: ${passed.join(" | ")}`);
}

/** Keys that go to a page, after which its heading has the focus. */
async function go(keys, url) {
  await page.waitForFunction(() => !document.activeElement?.matches("textarea, input, select"));
  for (const key of keys) await page.keyboard.press(key);
  await page.waitForURL(url);
  await page.waitForFunction(() => document.activeElement?.tagName === "H1" || document.activeElement?.matches("textarea, input"));
}

test("first run: the demo is started, and its question answered", async () => {
  await page.goto(server);
  await page.getByRole("button", { name: "Run the demo" }).waitFor();
  await reach(/^Run the demo/);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/tasks\/tsk_/);
  await page.getByRole("button", { name: "Good morning" }).first().waitFor();
  await reach(/Good morning/);
  await page.keyboard.press("Enter");
  await page.getByText("Succeeded", { exact: true }).first().waitFor();
});

test("a task is queued", async () => {
  await go(["c"], /\/tasks\/new/);
  await page.getByLabel("Prompt").waitFor();
  if (!/^Directory/.test(await focused())) await reach(/^Directory/);
  await page.keyboard.press("Control+a");
  await page.keyboard.type(repository);
  await page.keyboard.press("Escape");
  await reach(/^Prompt/);
  await page.keyboard.type("Greet by keys");
  await page.keyboard.press("Control+Enter");
  await page.waitForURL(/\/tasks\/tsk_/);
});

test("it is found in the list, peeked at and opened", async () => {
  await go(["g", "t"], /\/tasks$/);
  await page.getByRole("row", { name: /Greet by keys/ }).first().waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("Space");
  const panel = page.getByRole("complementary", { name: "Peek" });
  await panel.getByRole("heading", { name: /Greet by keys/ }).waitFor();
  await page.keyboard.press("Escape");
  await panel.waitFor({ state: "detached" });
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/tasks\/tsk_/);
  await page.getByRole("heading", { name: /Greet by keys/ }).first().waitFor();
});

test("what its agent asks is answered in the inbox", async () => {
  await page.getByText("Waiting", { exact: true }).first().waitFor();
  await go(["g", "i"], /\/inbox/);
  await page.getByRole("button", { name: "Good morning" }).first().waitFor();
  await reach(/Good morning/);
  await page.keyboard.press("Enter");
  await page.waitForFunction(async () => (await (await fetch("/api/v1/approvals?state=pending")).json()).items.length === 0);
});

test("a command is allowed by a key that is pressed twice, another refused with a reason", async () => {
  for (const word of ["sing", "shout"]) {
    const payload = { agent: "scripted", prompt: word, permissions: "ask", agent_options: { script: [{ allow: `python3 -c "print('${word}')"` }, { say: "Done." }] } };
    const task = await call("POST", "/tasks", { title: `May I ${word}`, kind: "prompt", payload });
    let request;
    while (!request) [request] = (await call("GET", `/approvals?task=${task.id}&wait_seconds=5`)).items;
    await go(["g", "t"], /\/tasks$/);
    await go(["g", "i"], /\/inbox/);
    await page.getByText(`print('${word}')`).first().waitFor();
    await page.getByRole("button", { name: /^Approve/ }).first().waitFor();
    if (word === "sing") {
      await page.keyboard.press("a");
      await page.getByRole("button", { name: /^Confirm/ }).waitFor();
      await page.keyboard.press("a");
    } else {
      await page.keyboard.press("d");
      await page.waitForFunction(() => document.activeElement?.matches("textarea, input"));
      await page.keyboard.type("it is night");
      await page.keyboard.press("Enter");
    }
    assert.match((await answered(request.id)).answer.kind, word === "sing" ? /^allow/ : /^(deny|reject)/);
  }
});

test("a change is reviewed", async () => {
  const { items } = await call("GET", "/tasks?q=Greet&state=succeeded");
  await page.goto(`${server}/tasks/${items[0].id}`);
  await page.getByRole("navigation", { name: "Task" }).waitFor();
  await reach(/^Changes/);
  await page.keyboard.press("Enter");
  await page.waitForURL(/changes/);
  await page.getByRole("table", { name: "Changes of GREETING.md" }).waitFor();
  await page.keyboard.press("u");
  await page.waitForURL(/mode=/);
  await page.keyboard.press("v");
  await page.getByRole("checkbox", { name: "Viewed", checked: true }).first().waitFor();
  await page.goto(`${server}/tasks/${items[0].id}`);
});

test("it is run again, and that is cancelled", async () => {
  await page.getByRole("button", { name: "Re-run" }).first().waitFor();
  const first = page.url();
  await reach(/^Re-run/);
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "A new task like this one" }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => String(url) !== first);
  await page.getByRole("button", { name: "Cancel", exact: true }).waitFor();
  await reach(/^Cancel$/);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  if (!/^Cancel the task/.test(await focused())) await reach(/^Cancel the task/);
  await page.keyboard.press("Enter");
  await page.getByText("Cancelled", { exact: true }).first().waitFor();
});

test("an agent is talked with", async () => {
  await go(["g", "c"], /\/chat/);
  await page.getByRole("link", { name: /New conversation/ }).waitFor();
  await reach(/^New conversation/);
  await page.keyboard.press("Enter");
  await page.waitForURL(/new=/);
  await page.locator("textarea").first().waitFor();
  if (!(await page.evaluate(() => document.activeElement.tagName === "TEXTAREA"))) {
    for (let step = 0; step < 60 && !(await page.evaluate(() => document.activeElement.tagName === "TEXTAREA")); step += 1) await page.keyboard.press("Tab");
  }
  await page.keyboard.type("Good evening");
  await page.keyboard.press("Control+Enter");
  await page.waitForURL(/task=tsk_/);
  await page.getByText("Good evening").first().waitFor();
});

test("the order of a queue is changed", async () => {
  const queue = await call("POST", "/queues", { name: "by-keys" });
  for (const title of ["First of all", "Second of all"]) await call("POST", "/tasks", { title, kind: "manual", queue: "by-keys" });
  await go(["g", "q"], /\/queues/);
  await page.getByRole("link", { name: /by-keys/ }).first().waitFor();
  await reach(/by-keys/);
  await page.keyboard.press("Enter");
  await page.waitForURL(new RegExp(queue.id));
  await page.locator("[data-line]").nth(1).waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("Alt+ArrowUp");
  await page.waitForFunction(() => document.querySelector("[data-line]")?.textContent.includes("Second of all"));
});

test("a setting is changed, and the shortcuts are looked up", async () => {
  await go(["g", "s"], /\/settings/);
  await reach(/^Compact$/);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.documentElement.dataset.density === "compact");
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Shortcuts" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.match(await focused(), /^Compact$/, "the focus is where it was");
});

test("nothing went wrong in the browser on the way", () => assert.deepEqual(problems, []));
