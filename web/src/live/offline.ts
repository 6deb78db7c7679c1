import { token } from "@/api/client";

/**
 * A service worker keeps the interface and the last answers, so that it opens without the server.
 * Whoever gave a token for one window only wants nothing kept.
 */
export function keepForOffline(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  const forOneWindow = token() !== null && localStorage.getItem("muster.token") === null;
  if (forOneWindow) {
    void navigator.serviceWorker.getRegistrations().then((all) => all.forEach((one) => void one.unregister()));
    void caches.keys().then((names) => names.forEach((name) => void caches.delete(name)));
  } else void navigator.serviceWorker.register("/sw.js").catch(() => undefined);
}
