// The interface without its server: the shell opens, shows the last answers and says of when they are.
import { launch, server } from "./browser.js";

const browser = await launch();
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(`${server}/tasks`);
  await page.evaluate(() => window.navigator.serviceWorker.ready);
  // The first load was not the worker's to keep; this one is.
  await page.reload();
  await page.getByText("Kept for the train").waitFor();
  await page.waitForFunction(async () => {
    const names = (await window.caches.keys()).filter((name) => name.startsWith("muster-answers-"));
    const kept = await Promise.all(names.map(async (name) => (await window.caches.open(name)).keys()));
    return kept.flat().some((request) => request.url.includes("/api/v1/tasks?"));
  });
  console.log("looking");
  for await (const word of process.stdin) if (String(word).includes("gone")) break;
  await page.goto(`${server}/tasks`);
  await page.getByText("Kept for the train").waitFor();
  await page.getByText(/Not connected: everything here is as of \d/).waitFor();
  console.log("kept");
  await page.getByText(/^Live/).waitFor();
  await page.getByText(/Not connected/).waitFor({ state: "detached" });
  console.log("back");
} finally {
  await browser.close();
}
