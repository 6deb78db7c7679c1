// Lists of which only the rows near the window are made: where each row stands is told, and each page has a search of its own.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { call, launch, server } from "./browser.js";
import { allAccessible } from "./walk.js";

const MANY = 120;
let browser;
let page;
const problems = [];

before(async () => {
  const numbers = Array.from({ length: MANY }, (_, number) => String(number).padStart(3, "0"));
  for (const number of numbers) {
    await Promise.all([call("POST", "/agents", { id: `agent-${number}`, name: `agent-${number}` }), call("POST", "/tasks", { title: `Piece ${number}`, kind: "manual" })]);
  }
  browser = await launch();
  page = await (await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" })).newPage();
  page.setDefaultTimeout(45_000);
  page.on("pageerror", (error) => problems.push(String(error)));
});
after(() => browser?.close());

const open = async (route) => {
  await page.goto(server + route);
  await page.locator("#main [data-row], #main [data-card]").first().waitFor();
};
/** Numbers of rows that are made, in their order, and how many there are said to be. */
const table = () => page.locator("#main table").first().evaluate((one) => ({ count: Number(one.getAttribute("aria-rowcount")), rows: [...one.querySelectorAll("tr:not([aria-hidden])")].map((row) => Number(row.getAttribute("aria-rowindex"))) }));
const items = (list) => page.locator(list).first().evaluate((one) => [...one.querySelectorAll(":scope > li:not([aria-hidden])")].map((item) => [Number(item.getAttribute("aria-posinset")), Number(item.getAttribute("aria-setsize"))]));
const scrolled = async (selector, from) => {
  await page.evaluate((where) => { document.querySelector(where).scrollTop = 1e6; }, selector);
  await page.waitForFunction((last) => ![...document.querySelectorAll("#main [data-row], #main [data-card]")].some((row) => (row.dataset.row ?? row.dataset.card) === last), from);
};
const first = () => page.locator("#main [data-row], #main [data-card]").first().evaluate((row) => row.dataset.row ?? row.dataset.card);

for (const [route, name] of [["/tasks", "Tasks"], ["/", "Fleet"], ["/agents", "Agents"], ["/activity", "Activity"]]) {
  test(`${name}: a row says where it stands among all, those that are not made too`, async () => {
    await open(route);
    const above = await table();
    assert.deepEqual(above.rows, above.rows.map((_, nth) => nth + 1), "the heading is the first");
    assert.ok(above.rows.length < above.count, `${above.rows.length} of ${above.count} are made`);
    await scrolled("#main", await first());
    const below = await table();
    assert.equal(below.count, above.count);
    assert.equal(below.rows.at(-1), below.count, "the last is the last");
    assert.deepEqual(below.rows.slice(1), below.rows.slice(1).map((_, nth) => below.rows[1] + nth));
    assert.ok(below.rows[1] > 2);
  });
}

test("what opens below an entry of the activity is a row that is counted", async () => {
  await open("/activity");
  const before = await table();
  await page.locator("#main [data-row]").nth(1).getByRole("button").first().click();
  await page.locator("td.opened").waitFor();
  const after = await table();
  assert.equal(after.count, before.count + 1);
  assert.deepEqual(after.rows, after.rows.map((_, nth) => nth + 1));
});

test("cards of the grid and of the board say it as items of a list", async () => {
  await open("/?view=grid");
  const cards = await items("ul.grid-cards");
  const [, all] = cards[0];
  assert.ok(all >= MANY && cards.length < all);
  assert.deepEqual(cards, cards.map((_, nth) => [nth + 1, all]));
  await open("/tasks?view=board");
  const column = "section.bd-col:has([data-card]) ul";
  assert.deepEqual((await items(column))[0], [1, MANY]);
  await scrolled(column, await first());
  assert.deepEqual((await items(column)).at(-1), [MANY, MANY]);
});

for (const [route, words, label] of [["/tasks", "Piece 003", "Search tasks"], ["/", "agent-003", "Filter agents"], ["/agents", "agent-003", "Search agents"], ["/tasks?view=board", "Piece 003", "Search the board"], ["/activity", "agent-003", "Agent"]]) {
  test(`${route}: the browser's own search is the browser's, / is the page's and finds what is not made`, async () => {
    await open(route);
    await page.evaluate(() => addEventListener("keydown", (event) => event.key === "f" && setTimeout(() => { window.prevented = event.defaultPrevented; })));
    await page.keyboard.press("Control+f");
    await page.waitForFunction(() => window.prevented !== undefined);
    assert.equal(await page.evaluate(() => window.prevented), false);
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => (document.activeElement.getAttribute("aria-label") ?? document.activeElement.closest("label")?.textContent)), label);
    if (route === "/activity") return;
    await page.keyboard.type(words);
    await page.waitForFunction(() => document.querySelectorAll("#main [data-row], #main [data-card]").length === 1);
    await page.getByText(words).first().waitFor();
    await page.keyboard.press("Escape");
  });
}

test("a search of the board is in its address, and stays when it finds nothing", async () => {
  await page.goto(`${server}/tasks?view=board&q=nowhere`);
  await page.getByText("No tasks match").waitFor();
  assert.equal(await page.getByRole("searchbox", { name: "Search the board" }).inputValue(), "nowhere");
  await page.getByRole("button", { name: "Clear the filters" }).click();
  await page.locator("[data-card]").first().waitFor();
});

test("the card of keys says how to search a page", async () => {
  await open("/tasks");
  await page.keyboard.press("?");
  const card = page.getByRole("dialog");
  await card.getByText("Search this page").waitFor();
});

test("the lists are accessible", () => allAccessible(browser, ["/tasks", "/", "/?view=grid", "/agents", "/activity", "/tasks?view=board&q=Piece"]));

test("nothing went wrong in the browser on the way", () => assert.deepEqual(problems, []));
