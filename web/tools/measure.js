// Figures of the interface in a real browser, as one line of JSON: node tools/measure.js WHAT [OPTIONS as JSON], against MUSTER_URL.
// `python -m benchmarks web-paint web-interaction web-fleet web-large web-heap` starts a server, fills it and calls this.
import { launch } from "../e2e/browser.js";
import { fleet } from "./measure/fleet.js";
import { heap } from "./measure/heap.js";
import { interaction } from "./measure/interaction.js";
import { large } from "./measure/large.js";
import { paint } from "./measure/paint.js";

const [what = "paint", options = "{}"] = process.argv.slice(2);
const measured = { paint, interaction, fleet, large, heap }[what];
if (!measured) throw new Error(`there is no figure ${what}`);
const browser = await launch();
try {
  console.log(JSON.stringify(await measured(browser, { repeats: 5, path: "/", ...JSON.parse(options) })));
} finally {
  await browser.close();
}
