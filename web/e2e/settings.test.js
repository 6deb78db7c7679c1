// Settings: kept on the server, in step over windows, keys bound otherwise, rates, notifications.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, launch, server } from "./browser.js";

let browser;
let one;
let other;
const problems = [];

async function window_(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "light", reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (error) => problems.push(String(error)));
  return page;
}

before(async () => {
  browser = await launch();
  [one, other] = await Promise.all([window_(), window_()]);
});
after(() => browser?.close());

const look = (page) => page.evaluate(() => ({ theme: document.documentElement.dataset.theme, density: document.documentElement.dataset.density, code: document.documentElement.style.getPropertyValue("--code-size") }));
const until = (page, what, wanted) => page.waitForFunction(([name, value]) => document.documentElement.dataset[name] === value, [what, wanted]);
const pick = (page, group, name) => page.getByRole("group", { name: group }).getByRole("button", { name, exact: true }).click();

test("what is set in one browser shows in another at once, and in the next one from the start", async () => {
  await Promise.all([one.goto(`${server}/settings`), other.goto(`${server}/settings`)]);
  await one.getByText("Kept on the server, the same in every window").waitFor();
  await other.getByText("Kept on the server, the same in every window").waitFor();
  await pick(one, "Density", "Compact");
  await pick(one, "Theme", "Dark");
  await until(other, "density", "compact");
  await until(other, "theme", "dark");
  await other.getByRole("button", { name: "Compact", pressed: true }).waitFor();
  await pick(other, "Code size", "14");
  await one.getByRole("button", { name: "14", pressed: true }).waitFor();
  const third = await window_();
  await third.goto(`${server}/settings`);
  await until(third, "density", "compact");
  assert.deepEqual(await look(third), { theme: "dark", density: "compact", code: "14px" });
  await third.context().close();
});

test("two windows that set different things without hearing of each other keep both", async () => {
  await one.context().setOffline(true);
  await pick(one, "Theme", "Light");
  await pick(other, "Density", "Comfortable");
  await other.getByText("Kept on the server").waitFor();
  await other.waitForFunction(async () => (await (await fetch("/api/v1/preferences")).json()).values.density === "comfortable");
  assert.equal((await look(one)).density, "compact", "it cannot know yet");
  await one.context().setOffline(false);
  await until(one, "density", "comfortable");
  await until(other, "theme", "light");
  const { values } = await call("GET", "/preferences");
  assert.deepEqual([values.theme, values.density, values.code], ["light", "comfortable", 14]);
});

test("a key is bound otherwise by the keyboard alone, and the card of shortcuts says so", async () => {
  await one.goto(`${server}/settings/keyboard`);
  const row = one.locator('[data-action="task.new"]');
  await one.getByRole("searchbox", { name: "Search shortcuts" }).fill("new task");
  const change = row.getByRole("button", { name: "Change the keys of New task" });
  await change.focus();
  await one.keyboard.press("Enter");
  await row.getByRole("button", { name: /^Press the keys for New task/ }).waitFor();
  await one.keyboard.press("?");
  await row.getByRole("alert").getByText("? is “Shortcuts” (everywhere)").waitFor();
  await change.press("Enter");
  await one.keyboard.press("w");
  await row.locator("kbd", { hasText: /^w$/ }).waitFor();
  await one.getByRole("heading", { name: "Settings" }).focus();
  await one.keyboard.press("?");
  const card = one.getByRole("dialog", { name: "Shortcuts" });
  await card.locator("div", { hasText: /^New taskw$/ }).first().waitFor();
  await one.keyboard.press("Escape");
  await one.keyboard.press("c");
  assert.match(one.url(), /settings\/keyboard/, "the usual key means nothing any more");
  await one.keyboard.press("w");
  await one.waitForURL(/\/tasks\/new/);
});

test("keys of two after each other are recorded, say what they wait for, and are heard in the other window", async () => {
  await one.goto(`${server}/settings/keyboard`);
  const row = one.locator('[data-action="task.new"]');
  await row.getByRole("button", { name: "Change the keys" }).click();
  await one.keyboard.press("z");
  await one.keyboard.press("t");
  await row.locator("kbd", { hasText: "z t" }).waitFor();
  await other.goto(`${server}/projects`);
  await other.getByRole("heading", { level: 1 }).waitFor();
  await other.waitForFunction(() => localStorage.getItem("muster.keys")?.includes("z t"));
  await other.keyboard.press("z");
  await other.getByText("and then …").waitFor();
  await other.keyboard.press("t");
  await other.waitForURL(/\/tasks\/new/);
});

test("single keys are switched off, and keys with Ctrl stay", async () => {
  await one.goto(`${server}/settings/keyboard`);
  await one.getByRole("switch", { name: "Single keys" }).uncheck();
  await one.getByRole("heading", { name: "Settings" }).focus();
  await one.keyboard.press("?");
  await one.keyboard.press("Control+k");
  await one.getByRole("dialog", { name: "Search or jump to" }).waitFor();
  assert.equal(await one.getByRole("dialog").count(), 1, "the card of shortcuts did not open");
  await one.keyboard.press("Escape");
  await one.getByRole("switch", { name: "Single keys" }).check();
  await one.getByRole("button", { name: /Reset all/ }).click();
  await one.locator('[data-action="task.new"] kbd', { hasText: /^c$/ }).waitFor();
});

test("a list follows as seldom as somebody wants, but a request of an agent is counted at once", async () => {
  await one.goto(`${server}/settings/live-data`);
  await one.getByLabel("Lists").selectOption({ label: "1 min" });
  await one.getByLabel("Counts").selectOption({ label: "1 min" });
  await one.goto(`${server}/tasks`);
  await one.getByRole("heading", { level: 1 }).waitFor();
  await one.getByText("Live", { exact: true }).first().waitFor();
  await call("POST", "/tasks", { title: "Seldom seen", kind: "manual" });
  const task = await call("POST", "/tasks", { title: "Asks", kind: "manual" });
  const { claims: [held] } = await call("POST", `/tasks/${task.id}/claim`, { agent_id: "asker" });
  await call("POST", `/attempts/${held.attempt_id}/approvals`, { token: held.token, kind: "question", title: "Which colour?", key: "one" });
  await one.waitForFunction(() => document.title.startsWith("(1)"));
  assert.equal(await one.getByText("Seldom seen").count(), 0);
  await one.goto(`${server}/settings/live-data`);
  await one.getByLabel("Lists").selectOption({ label: "1 s (usual)" });
  await one.getByLabel("Counts").selectOption({ label: "1 s (usual)" });
  await call("POST", `/tasks/${task.id}/cancel`, {});
});

test("the browser tells of what somebody wants to be told of, and not in quiet hours", async () => {
  const page = await window_({ permissions: ["notifications"] });
  await page.addInitScript(() => {
    window.told = [];
    const Real = window.Notification;
    window.Notification = class extends Real { constructor(title, options) { super(title, options); window.told.push(`${title}: ${options.body}`); } };
  });
  await page.goto(`${server}/settings/notifications`);
  await page.getByRole("switch", { name: "Tell me by the browser" }).check();
  await page.getByRole("switch", { name: "Only when I am away" }).uncheck();
  await page.getByRole("switch", { name: "A task is done" }).check();
  const finish = async (title) => {
    const task = await call("POST", "/tasks", { title, kind: "manual" });
    const { claims: [held] } = await call("POST", `/tasks/${task.id}/claim`, { agent_id: "worker-bee" });
    await call("POST", `/attempts/${held.attempt_id}/complete`, { token: held.token });
  };
  await finish("Paint the fence");
  await page.waitForFunction(() => window.told.includes("Done: Paint the fence"));
  await page.getByRole("switch", { name: "Quiet hours" }).check();
  await page.getByLabel("From").fill("00:00");
  await page.getByLabel("Until").fill("23:59");
  await finish("Paint it again");
  await page.getByRole("switch", { name: "Quiet hours" }).uncheck();
  await finish("Paint it a third time");
  await page.waitForFunction(() => window.told.some((line) => line.includes("third")));
  assert.ok(!(await page.evaluate(() => window.told.join())).includes("again"));
  await page.getByRole("switch", { name: "Tell me by the browser" }).uncheck();
  await page.context().close();
});

test("nothing went wrong in the browser on the way", () => assert.deepEqual(problems, []));
