// Keeps the interface, and the last answers of the pages that matter, so that both open without the server.
/* global self, caches, console, fetch, Response, Headers, URL, crypto, TextEncoder */

const SHELL = "muster-shell";
const ANSWERS = "muster-answers-";
const INDEX = "/index.html";
/** Lists and single tasks: what somebody wants to look at on the way. Nothing that streams or waits. */
const KEPT = /^\/api\/v1\/(overview|fleet|approvals|tasks|workers|queues|projects|sandboxes|activities)$|^\/api\/v1\/tasks\/tsk_[0-9a-z]+(\/(attempts|files))?$/;
const MOST = 80;
const KEPT_AT = "x-muster-kept-at";

/** What changes something goes past here: a request that a page sends while it is left would die with the way through. */
const PAST = { condition: { or: ["POST", "PUT", "PATCH", "DELETE"].map((requestMethod) => ({ requestMethod })) }, source: "network" };

self.addEventListener("install", (event) => event.waitUntil((async () => {
  // An experiment of some browsers: where it is not, or asks for something else by now, requests take the longer way.
  try { await event.addRoutes?.(PAST); } catch (error) { console.warn("muster: commands pass through the service worker", error); }
  await refresh();
  await self.skipWaiting();
})()));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(event));
  else if (url.pathname.startsWith("/assets/")) event.respondWith(asset(request));
  else if (KEPT.test(url.pathname) && !url.searchParams.has("wait_seconds")) event.respondWith(answer(event, request));
});

/** The interface as it is on the server now: what is new is fetched, what is gone is forgotten. */
async function refresh() {
  const shell = await caches.open(SHELL);
  const manifest = await (await fetch("/manifest.json", { cache: "no-cache" })).json();
  const files = new Set(["/icon.svg", "/muster.webmanifest"]);
  for (const chunk of Object.values(manifest)) for (const file of [chunk.file, ...(chunk.css ?? []), ...(chunk.assets ?? [])]) files.add(`/${file}`);
  const index = await fetch(INDEX, { cache: "no-cache" });
  if (index.ok) await shell.put(INDEX, index);
  const known = new Set((await shell.keys()).map((request) => new URL(request.url).pathname));
  await Promise.all([...files].filter((file) => !known.has(file)).map((file) => shell.add(file)));
  for (const file of known) if (!files.has(file) && file !== INDEX) await shell.delete(file);
}

async function page(event) {
  try {
    const fresh = await fetch(event.request);
    if (fresh.ok) event.waitUntil(refresh().catch(() => undefined));
    return fresh;
  } catch (error) {
    const kept = await (await caches.open(SHELL)).match(INDEX);
    if (kept) return kept;
    throw error;
  }
}

async function asset(request) {
  const kept = await (await caches.open(SHELL)).match(request);
  return kept ?? fetch(request);
}

/** Answers are kept for who asked: a token that differs finds nothing. */
async function cacheOf(request) {
  const token = request.headers.get("authorization") ?? "";
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  const name = [...new Uint8Array(digest)].slice(0, 12).map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return caches.open(ANSWERS + name);
}

/** An address without what differs from call to call. */
function keyOf(request) {
  const url = new URL(request.url);
  url.searchParams.delete("since");
  return url.href;
}

async function answer(event, request) {
  const key = keyOf(request);
  try {
    const fresh = await fetch(request);
    if (fresh.ok) event.waitUntil(keep(request, key, fresh.clone()));
    return fresh;
  } catch (error) {
    const kept = await (await cacheOf(request)).match(key);
    if (kept) return kept;
    throw error;
  }
}

async function keep(request, key, response) {
  const cache = await cacheOf(request);
  const headers = new Headers(response.headers);
  headers.set(KEPT_AT, String(Date.now()));
  headers.delete("content-encoding");
  headers.delete("content-length");
  await cache.delete(key);
  await cache.put(key, new Response(await response.arrayBuffer(), { status: response.status, headers }));
  const all = await cache.keys();
  for (const old of all.slice(0, Math.max(all.length - MOST, 0))) await cache.delete(old);
}
