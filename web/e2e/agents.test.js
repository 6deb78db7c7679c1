// Agents: paused, told something and talked with; their list, pages and settings; roles made, previewed and tried.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { get, launch, post, server } from "./browser.js";
import { roleIsMade, roleKeepsVersions } from "./roles.js";
import { allAccessible } from "./walk.js";

const repository = process.env.MUSTER_REPOSITORY;
const long = process.env.MUSTER_TASK;
let browser;
let page;
let worker;
const problems = [];

before(async () => {
  browser = await launch();
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, acceptDownloads: true, permissions: [] });
  page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("request", (request) => !request.url().startsWith(server) && !/^(data|blob):/.test(request.url()) && problems.push(`asks another host: ${request.url()}`));
  const { items } = await get("/workers");
  worker = items.find((one) => one.capabilities.includes("agent:scripted")).id;
});
after(() => browser?.close());

async function until(path, holds) {
  for (let tries = 0; tries < 150; tries += 1) {
    const found = await get(path);
    if (holds(found)) return found;
    await page.waitForTimeout(200);
  }
  throw new Error(`${path} did not come to what was waited for`);
}

function scripted(title, script, more = {}) {
  return post("/tasks", { title, kind: "prompt", payload: { agent: "scripted", prompt: title, agent_options: { script } }, ...more });
}

const messages = () => page.getByRole("log", { name: "Messages" });

test("an agent at work is paused by a key, and words to it are kept meanwhile", async () => {
  const task = await scripted("Stand still", [[{ say: "I have begun." }, { wait: 10 }, { say: "I am done." }], [{ say: "I heard you." }]]);
  await page.goto(`${server}/tasks/${task.id}/conversation`);
  await messages().getByText("I have begun.").waitFor();
  await page.getByRole("button", { name: "Pause" }).waitFor();
  await page.keyboard.press("p");
  await page.getByText("Paused", { exact: true }).first().waitFor();
  await page.keyboard.press("m");
  await page.keyboard.type("Use tabs, please.");
  await page.keyboard.press("Control+Enter");
  await messages().getByText(/not read yet|handed to it/).waitFor();
  assert.equal((await get("/fleet")).rows.find((row) => row.task_id === task.id).state, "paused");
});

test("it goes on by the palette, reads the words and answers", async () => {
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("resume");
  await page.getByRole("option", { name: /Resume the agent/ }).click();
  await messages().getByText("I am done.").waitFor();
  await messages().getByText("Use tabs, please.").first().waitFor();
  await messages().getByText("I heard you.").waitFor();
  await messages().getByText(/not read yet|handed to it/).waitFor({ state: "detached" });
  await page.getByText("Succeeded", { exact: true }).first().waitFor();
  await page.getByRole("button", { name: "Pause" }).waitFor({ state: "detached" });
});

test("an interrupt ends what it does, and it listens", async () => {
  const task = await scripted("Hang about", [[{ say: "I hang." }, { hang: true }], [{ say: "I listen." }]], { retry: { max_attempts: 1 } });
  await page.goto(`${server}/tasks/${task.id}`);
  const feed = page.getByRole("log", { name: "What the agent says and does" });
  await feed.getByText("I hang.").waitFor();
  await page.getByRole("button", { name: "Interrupt" }).click();
  await feed.getByText("Turn failed").waitFor();
  await page.getByRole("textbox", { name: "Message scripted" }).fill("Listen.");
  await page.getByRole("button", { name: "Send" }).click();
  await feed.getByText("I listen.").waitFor();
  await page.getByText("Succeeded", { exact: true }).first().waitFor();
});

test("the list of agents is searched, sorted and gone through by keys", async () => {
  await page.goto(`${server}/tasks`);
  await page.getByRole("heading", { level: 1 }).focus();
  await page.keyboard.press("g");
  await page.keyboard.press("a");
  const table = page.getByRole("table", { name: "Agents" });
  await table.getByRole("row", { name: new RegExp("scripts on") }).waitFor();
  await page.getByRole("button", { name: "Cost" }).click();
  await page.waitForURL(/sort=cost/);
  await page.keyboard.press("/");
  await page.keyboard.type("nobody has this name");
  await page.getByText("No agents match").waitFor();
  await page.reload();
  await page.getByRole("button", { name: "Clear the filters" }).click();
  await page.getByLabel("Search agents").fill("scripts on");
  await page.waitForURL(/q=scripts/);
  await page.getByRole("heading", { level: 1 }).focus();
  await page.keyboard.press("j");
  await page.keyboard.press("Space");
  await page.locator(".peek h2").getByText("scripts on").waitFor();
  assert.match(page.url(), /peek=agent/);
  await page.keyboard.press("Space");
  await page.locator(".peek").waitFor({ state: "detached" });
  await page.keyboard.press("Enter");
  await page.waitForURL(new RegExp(`/agents/${worker}`));
});

test("two agents stand beside each other", async () => {
  await post("/agents", { id: "beside", name: "beside" });
  await page.goto(`${server}/agents`);
  await page.getByRole("button", { name: "Compare" }).click();
  await page.waitForURL(/compare=/);
  const both = page.getByRole("region", { name: "Compare agents" });
  await both.getByRole("combobox", { name: "Second agent" }).selectOption({ label: "beside" });
  await page.waitForURL(/compare=.*beside/);
  await both.getByRole("row", { name: /^Cost of a task, median/ }).waitFor();
  await both.getByRole("row", { name: /^Tasks .* 0/ }).waitFor();
  await both.getByRole("button", { name: "Close" }).click();
  await page.waitForURL((url) => !url.search.includes("compare"));
});

test("an agent's page shows what it said, its logs, its files and what it used", async () => {
  await scripted("Write it", [[{ read: "README.md" }, { write: { path: "NEW.md", text: "new\n" } }, { run: "false" }, { say: "I wrote NEW.md." }]], { working_dir: repository });
  await until("/tasks?q=Write&state=succeeded", (found) => found.items.length > 0);
  await page.goto(`${server}/agents/${worker}`);
  await messages().getByText("I wrote NEW.md.").waitFor();
  await page.getByRole("navigation", { name: "Outline" }).getByText("Edit NEW.md").click();
  await page.getByLabel("Find in the conversation").fill("NEW.md");
  await page.getByText(/\d+ matches/).waitFor();
  const tabs = page.getByRole("navigation", { name: "Agent" });
  await tabs.getByRole("link", { name: "Logs" }).click();
  await page.getByRole("log", { name: "text.txt" }).getByText("I wrote NEW.md.").waitFor();
  await page.getByRole("button", { name: "tools.jsonl" }).click();
  const tools = page.getByRole("log", { name: "tools.jsonl" });
  await page.getByText(/^3 lines/).waitFor();
  await page.getByRole("button", { name: "Failed only" }).click();
  await page.getByText("1 line of 3").waitFor();
  await tools.getByRole("button", { name: /run.*false/ }).click();
  await tools.getByText('"exit_code": 1').waitFor();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
  assert.match(download.suggestedFilename(), /^tsk_\w+\.1\.tools\.jsonl$/);
  assert.equal(readFileSync(await download.path(), "utf8").trim().split("\n").length, 3);
  await tabs.getByRole("link", { name: "Files" }).click();
  await page.getByText("NEW.md").first().waitFor();
  await page.getByText("README.md").first().waitFor();
  await tabs.getByRole("link", { name: "Usage" }).click();
  await page.getByRole("table", { name: "Usage by task" }).getByRole("link", { name: "Write it" }).waitFor();
  await page.getByRole("link", { name: /in all \d+ tasks/ }).click();
  await page.waitForURL(/\/tasks\?agent=/);
  await page.getByRole("row", { name: /Write it/ }).waitFor();
});

test("an agent is registered, changed, signed off and deleted", async () => {
  await page.goto(`${server}/agents`);
  await page.getByRole("heading", { level: 1 }).focus();
  await page.keyboard.press("Shift+C");
  const dialog = page.getByRole("dialog", { name: "New agent" });
  await dialog.getByLabel("Name").fill("Night reviewer");
  await dialog.getByLabel("Id").fill("night-reviewer");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/agents\/night-reviewer\/settings/);
  await page.getByLabel("Model").fill("opus");
  await page.getByRole("button", { name: "Save changes" }).click();
  await until("/agents/night-reviewer", (agent) => agent.model === "opus");
  await page.getByRole("button", { name: "Sign off" }).click();
  await page.getByText("Offline", { exact: true }).first().waitFor();
  await page.getByRole("button", { name: "Sign on" }).waitFor();
  await page.getByRole("button", { name: "Delete agent" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete agent" }).click();
  await page.waitForURL(/\/agents$/);
  await page.goto(`${server}/agents/night-reviewer`);
  await page.getByText("There is no such agent").waitFor();
});

test("a conversation of 5,000 entries is open at once, and older ones come where one scrolls up", async () => {
  const started = Date.now();
  await page.goto(`${server}/agents/mallory?task=${long}`);
  await messages().getByText("the last word").waitFor();
  assert.ok(Date.now() - started < 8_000, `it took ${Date.now() - started} ms`);
  assert.ok((await page.locator("main *").count()) < 1_500, "only what is near is made");
  const earlier = page.getByRole("button", { name: /^Show 200 earlier of/ });
  const before = await earlier.textContent();
  await messages().evaluate((box) => { box.scrollTop = 0; });
  await page.waitForFunction((text) => document.querySelector("section.talk > button.f")?.textContent !== text, before);
  assert.ok((await messages().evaluate((box) => box.scrollTop)) > 1_000, "what was read stays where it was");
});

test("a role is made, previewed as it is written, saved, copied and tried", () => roleIsMade(page, until));
test("a role keeps its versions: compared, read and restored, and an edit over somebody else's is told", () => roleKeepsVersions(page, until));

test("an agent is talked with: its answer comes, and the next words go on with its session", async () => {
  await page.goto(`${server}/agents`);
  await page.getByRole("heading", { level: 1 }).focus();
  await page.keyboard.press("g");
  await page.keyboard.press("c");
  await page.getByRole("heading", { name: "Talk with an agent" }).waitFor();
  await page.getByLabel("Agent", { exact: true }).selectOption("scripted");
  await page.getByLabel("Directory").fill(repository);
  await page.getByRole("textbox", { name: /^Message/ }).fill("Have a look around.");
  await page.keyboard.press("Control+Enter");
  await page.waitForURL(new RegExp(`/chat/${worker}\\?task=`));
  await messages().getByText("Have a look around.").first().waitFor();
  await messages().getByText(/I looked at \d+ files/).waitFor();
  await page.getByText("your words begin a task that goes on with its session").waitFor();
  const first = new URL(page.url()).searchParams.get("task");
  await page.getByRole("textbox", { name: /^Message/ }).fill("And once more.");
  await page.getByRole("button", { name: "Send" }).click();
  await page.waitForURL((url) => url.searchParams.get("task") !== first);
  await messages().getByText("And once more.").first().waitFor();
  await page.getByText("Succeeded", { exact: true }).first().waitFor();
  await messages().getByText("Have a look around.").first().waitFor();
  const second = await get(`/tasks/${new URL(page.url()).searchParams.get("task")}`);
  assert.equal(second.payload.resume, first);
  const sessions = await Promise.all([first, second.id].map(async (id) => (await get(`/tasks/${id}`)).attempt.run.session));
  assert.equal(sessions[0], sessions[1]);
});

test("words to one that claims over the API wait for it as a task of its own", async () => {
  await post("/agents", { id: "ann", name: "Ann" });
  await page.goto(`${server}/chat/ann`);
  await page.getByRole("textbox", { name: "Message Ann" }).fill("Read the report.");
  await page.getByRole("button", { name: "Send" }).click();
  await messages().getByText(/^Waits: /).waitFor();
  const answer = await post("/claims", { agent_id: "ann" });
  assert.equal(answer.claims[0].description, "Read the report.");
  await messages().getByText("It has taken this up and said nothing so far.").waitFor();
  await post(`/attempts/${answer.claims[0].attempt_id}/complete`, { token: answer.claims[0].token, output: "It is good." });
  await messages().getByText("It is good.").waitFor();
});

test("empty lists, forms, what is missing and long conversations are accessible too", () => allAccessible(browser, [
  "/agents?q=nothing+like+it", "/agents?new=agent", `/agents/${worker}/logs?log=tools.jsonl`, "/agents/nobody", "/agents/roles/nobody", "/agents/roles/poet?tab=versions", "/agents/roles/poet?tab=versions&version=1", "/chat/ann", `/tasks/${long}/logs`,
]));

test("nothing went wrong in the browser on the way, and nothing was asked of another host", () => assert.deepEqual(problems, []));
