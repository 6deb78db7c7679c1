// A window that is open while its server is killed and started again. Says "looking" when it is there.
import { launch, server } from "./browser.js";

const browser = await launch();
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(`${server}/tasks`);
  await page.getByText("Live", { exact: true }).waitFor();
  console.log("looking");
  await page.getByText(/Reconnecting|Offline since/).first().waitFor();
  console.log("lost");
  await page.getByText("Live", { exact: true }).waitFor();
  await page.getByText("Queued after the restart").waitFor();
  console.log("back");
} finally {
  await browser.close();
}
