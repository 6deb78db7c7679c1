// A question is read while its server is killed and started again, and answered then. Says how far it is.
import { launch, server } from "./browser.js";

const browser = await launch();
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(`${server}/inbox/${process.env.MUSTER_QUESTION}`);
  await page.getByRole("button", { name: "Red" }).waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
  console.log("looking");
  await page.getByText(/Reconnecting|Offline since/).first().waitFor();
  await page.getByRole("button", { name: "Red" }).waitFor();
  console.log("lost");
  await page.getByText("Live", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Red" }).click();
  await page.getByRole("button", { name: "Red" }).waitFor({ state: "detached" });
  console.log("answered");
} finally {
  await browser.close();
}
