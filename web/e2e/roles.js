// Journeys through the page of a role: it is made and tried; it keeps its versions. `until` waits for the server.
import assert from "node:assert/strict";
import { call, get, post, server } from "./browser.js";

export async function roleIsMade(page, until) {
  await page.goto(`${server}/agents/roles`);
  await page.getByRole("row", { name: /reviewer/ }).waitFor();
  await page.getByRole("button", { name: "New role" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("poet");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/agents\/roles\/poet$/);
  await page.getByLabel("System prompt").fill("You write in verse.");
  await page.getByRole("button", { name: "Add a server" }).click();
  const preview = page.getByRole("region", { name: "Added to the agent's own system prompt" });
  await preview.getByText("You write in verse.").waitFor();
  assert.equal((await get("/roles/poet")).system_prompt, "", "nothing is saved so far");
  assert.ok(await page.getByRole("button", { name: "Queue it with this role" }).isDisabled());
  await page.getByRole("button", { name: "Save role" }).click();
  const saved = await until("/roles/poet", (role) => role.system_prompt !== "");
  assert.equal(saved.mcp[0].name, "muster");
  await page.getByRole("button", { name: "Remove server 1" }).click();
  await page.getByRole("button", { name: "Save role" }).click();
  await until("/roles/poet", (role) => role.mcp.length === 0);
  await page.getByRole("button", { name: "Clone" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("bard");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/agents\/roles\/bard$/);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete role" }).click();
  await page.waitForURL(/\/agents\/roles$/);
  await page.getByRole("row", { name: /poet/ }).click();
  await page.getByLabel("Prompt", { exact: true }).fill("Describe the sea.");
  await page.getByLabel("Agent").last().selectOption("scripted");
  await page.getByRole("button", { name: "Queue it with this role" }).click();
  await page.waitForURL(/\/tasks\/tsk_/);
  await page.getByText("Succeeded", { exact: true }).first().waitFor();
  const [made] = (await get("/tasks?tag=try")).items;
  const tried = await get(`/tasks/${made.id}`);
  assert.equal(tried.payload.role, "poet");
  assert.deepEqual([tried.attempt.run.role, tried.attempt.run.role_version], ["poet", 3]);
  await page.getByRole("link", { name: "poet, version 3" }).click();
  await page.waitForURL(/\/agents\/roles\/poet\?tab=versions&version=3$/);
  await page.getByRole("region", { name: "Version 3" }).getByText("You write in verse.").waitFor();
}

export async function roleKeepsVersions(page, until) {
  await page.goto(`${server}/agents/roles/poet`);
  await page.getByRole("textbox", { name: "System prompt" }).fill("You write in prose.");
  await page.keyboard.press("Control+s");
  await page.getByText("Saved as version 4").waitFor();
  await page.getByRole("button", { name: /^Versions/ }).click();
  await page.waitForURL(/\?tab=versions$/);
  const compared = (before, after) => page.getByRole("table", { name: `Version ${before} and version ${after}` });
  await compared(3, 4).getByText("You write in prose.").waitFor();
  assert.deepEqual(await compared(3, 4).locator("td.d mark, td.a mark").allTextContents(), ["verse", "prose"]);
  await page.getByLabel("Version 1 before").check();
  await page.waitForURL(/before=1&after=4/);
  await compared(1, 4).waitFor();
  await page.getByLabel("Version 4 after").focus();
  await page.keyboard.press("ArrowDown");
  await page.waitForURL(/before=1&after=3/);
  await compared(1, 3).getByText("You write in verse.").waitFor();
  await page.reload();
  await compared(1, 3).getByText("You write in verse.").waitFor();

  await page.getByRole("button", { name: "Restore version 3" }).click();
  await until("/roles/poet", (role) => role.version === 5 && role.system_prompt === "You write in verse.");
  await page.getByRole("button", { name: "Undo" }).click();
  await until("/roles/poet", (role) => role.version === 6 && role.system_prompt === "You write in prose.");
  const [last] = (await get("/roles/poet/versions")).items;
  assert.deepEqual([last.words, last.by], ["version 4 restored", "web interface"]);
  await page.getByText("Version 6").first().waitFor();

  await page.getByRole("button", { name: "Prompt", exact: true }).click();
  assert.equal(await page.getByRole("textbox", { name: "System prompt" }).inputValue(), "You write in prose.");
  await page.getByRole("textbox", { name: "System prompt" }).fill("You write letters.");
  await call("PUT", "/roles/poet", { system_prompt: "You write laws.", by: "ann" });
  await page.getByRole("alert").getByText("ann saved version 7 while you changed version 6.").waitFor();
  assert.ok(await page.getByRole("button", { name: "Save role" }).isDisabled());
  await page.getByRole("button", { name: "See what changed" }).click();
  await compared(6, 7).getByText("You write laws.").waitFor();
  await page.getByRole("button", { name: /^Keep mine/ }).click();
  await page.getByRole("button", { name: "Save role" }).click();
  await until("/roles/poet", (role) => role.version === 8 && role.system_prompt === "You write letters.");

  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete role" }).click();
  await page.waitForURL(/\/agents\/roles$/);
  await page.goto(`${server}/agents/roles/poet`);
  await page.getByRole("heading", { name: "poet was deleted" }).waitFor();
  await page.getByRole("link", { name: "Its versions" }).click();
  await page.getByRole("button", { name: "Restore version 8" }).click();
  await page.getByRole("button", { name: "Save role" }).waitFor();
  assert.equal((await get("/roles/poet")).version, 9);
  const late = await post("/roles/poet/versions/1/restore", { if_version: 8 }).then(() => null, String);
  assert.match(late, /409.*role_moved/);
}
