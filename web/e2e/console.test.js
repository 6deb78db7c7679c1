// A console into a sandbox, as somebody uses it: open, type, leave with a key, lose the server, see the end; under the policy of every page.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, launch, server } from "./browser.js";
import { inThemes, sideways } from "./walk.js";

let browser;
let page;
let context;
let sandbox;
const problems = [];

before(async () => {
  browser = await launch();
  context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
  page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => message.type() === "error" && !/404|net::ERR_/.test(message.text()) && problems.push(message.text()));
  page.on("request", (request) => !request.url().startsWith(server) && !/^(data|blob):/.test(request.url()) && problems.push(`asks another host: ${request.url()}`));
});
after(() => browser?.close());

const shown = (words) => page.locator(".xterm-rows", { hasText: words }).waitFor();
const at = (what) => page.locator(`.con-at[data-at="${what}"]`).waitFor();
const say = (words) => page.keyboard.type(`${words}\n`);
const focused = () => page.evaluate(() => document.activeElement.textContent || document.activeElement.getAttribute("aria-label"));

test("a sandbox offers its console, and a shell is there to type into", async () => {
  const rows = (await call("GET", "/sandboxes")).items;
  sandbox = rows.find((row) => row.no_console === null);
  assert.ok(sandbox, "a sandbox is open");
  await page.goto(`${server}/sandboxes/${sandbox.id}`);
  await page.getByText("a shell can be opened").waitFor();
  await page.getByRole("link", { name: "Open console" }).click();
  await at("open");
  assert.equal(await focused(), "Console");
  await say("echo of-$MUSTER_TASK_ID");
  await shown(`of-${sandbox.task_id}`);
});

test("what a program says is coloured, and gets at nothing but the screen", async () => {
  const title = await page.title();
  await say("printf '\\033[38;2;200;100;50mtrue-%s\\033[0m \\033]0;hacked\\007\\033]8;;https://example.com\\033\\\\link-%s\\033]8;;\\033\\\\\\n' 42 42");
  await shown("link-42");
  assert.equal(await page.title(), title);
  const colour = await page.locator(".xterm-rows span", { hasText: "true-42" }).last().evaluate((one) => one.style.color);
  assert.notEqual(colour, "");
  assert.equal(await page.locator(".con-screen a").count(), 0);
});

test("a shell has all keys but the one that leaves the terminal", async () => {
  await page.keyboard.press("Control+k");
  await page.keyboard.press("?");
  assert.equal(await page.locator("dialog[open]").count(), 0);
  await page.keyboard.press("Control+u");
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Console", "Tab is the shell's");
  await page.keyboard.press("Control+]");
  assert.equal(await focused(), "Close console");
  await page.getByRole("button", { name: "Go to the terminal" }).click();
  assert.equal(await focused(), "Console");
});

test("it is as large as its place, on a phone too, in both themes, and accessible", async () => {
  await page.keyboard.press("Control+u");
  await page.setViewportSize({ width: 360, height: 740 });
  await page.waitForFunction(() => document.querySelector(".xterm-screen").getBoundingClientRect().width < 340);
  await say("clear; until test $(stty size | cut -d' ' -f2) -lt 60; do sleep 0.1; done; echo narrow-$((40+2))");
  await shown("narrow-42");
  assert.deepEqual(await sideways(page), []);
  const ground = () => page.locator(".xterm-rows").evaluate((one) => window.getComputedStyle(one).color);
  const light = await ground();
  await page.evaluate(() => { document.documentElement.dataset.theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark"; });
  await page.waitForFunction((before) => window.getComputedStyle(document.querySelector(".xterm-rows")).color !== before, light);
  await page.setViewportSize({ width: 1280, height: 800 });
  assert.deepEqual(await inThemes(page), []);
});

test("a lost connection is said, and nothing is lost when it is back", async () => {
  await page.getByRole("button", { name: "Go to the terminal" }).click();
  // Once it asks, the terminal is the program's: the shell's own would keep what is typed ahead as it is.
  await say("clear; echo asks-$((40+2)); read line; echo got-$line");
  await shown("asks-42");
  await context.setOffline(true);
  await say("words");
  await at("lost");
  await context.setOffline(false);
  await at("open");
  await shown("got-words");
});

test("the end is said, and another one can be opened", async () => {
  await say("exit 3");
  await page.getByText("The shell has ended with status 3.").waitFor();
  await page.getByRole("button", { name: "Open another" }).click();
  await at("open");
  await page.locator(".xterm-rows").waitFor();
  await say("touch go");
  await page.getByText("So it is when its sandbox ends.").waitFor();
});

test("nothing went wrong under the policy of the page", () => {
  assert.deepEqual(problems, []);
});
