// A headless Chromium of the system, driven by playwright-core.
import { chromium } from "playwright-core";
import { existsSync } from "node:fs";

const PLACES = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export const executable = PLACES.find((path) => path && existsSync(path));
export const server = process.env.MUSTER_URL ?? "http://127.0.0.1:5005";

export function launch() {
  return chromium.launch({ executablePath: executable, args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"] });
}
