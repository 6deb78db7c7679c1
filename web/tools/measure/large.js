// From the address of a large thing to its first part on the screen: a diff of 500 files, a conversation of 5,000 entries.
import { address, fresh, isOwn, median } from "./window.js";

/** Milliseconds until `there` (a selector, and words in it) is drawn, from the start of the navigation. */
async function opened(page, path, { selector, words }) {
  await page.addInitScript(([selector, words]) => {
    const look = () => ([...document.querySelectorAll(selector)].some((one) => one.textContent.includes(words)) ? setTimeout(() => { window.openedAt = performance.now(); }, 0) : requestAnimationFrame(look));
    requestAnimationFrame(look);
  }, [selector, words]);
  await page.goto(address(path));
  return (await page.waitForFunction(() => window.openedAt)).jsonValue();
}

async function repeated(browser, repeats, path, there) {
  const window_ = await fresh(browser);
  await opened(window_.page, path, there);
  const took = [];
  for (let run = 0; run < repeats; run += 1) {
    const page = await window_.page.context().newPage();
    took.push(await opened(page, path, there));
    await page.close();
  }
  await window_.close();
  return median(took);
}

export async function large(browser, { path, repeats, diff, conversation }) {
  if (!isOwn(path)) {
    const blank = await repeated(browser, repeats, path, { selector: "body", words: "" });
    return { diff_ms: blank, conversation_ms: blank };
  }
  return {
    diff_ms: await repeated(browser, repeats, `/tasks/${diff}/changes?mode=unified`, { selector: ".dfile table", words: "" }),
    conversation_ms: await repeated(browser, repeats, `/tasks/${conversation}/conversation`, { selector: "main [role=log]", words: "the last word" }),
  };
}
