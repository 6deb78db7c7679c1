// A headless Chromium of the system, driven by playwright-core, and calls to the server beside it.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { existsSync } from "node:fs";

const PLACES = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export const executable = PLACES.find((path) => path && existsSync(path));
export const server = process.env.MUSTER_URL ?? "http://127.0.0.1:5005";

export function launch() {
  return chromium.launch({ executablePath: executable, args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"] });
}

/** What the API answers to a call; it fails for a refusal. */
export async function call(method, path, body) {
  const answer = await fetch(`${server}/api/v1${path}`, { method, headers: { "content-type": "application/json" }, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

export const get = (path) => call("GET", path);
export const post = (path, body) => call("POST", path, body);
