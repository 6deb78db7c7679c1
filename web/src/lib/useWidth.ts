import { useSyncExternalStore } from "react";

function listen(changed: () => void): () => void {
  const main = document.getElementById("main");
  if (!main) return () => undefined;
  const watcher = new ResizeObserver(changed);
  watcher.observe(main);
  return () => watcher.disconnect();
}

/** How wide the page is beside the sidebar and the panel, in steps of 20 pixels. */
export function usePageWidth(): number {
  return useSyncExternalStore(listen, () => Math.floor((document.getElementById("main")?.clientWidth ?? innerWidth) / 20) * 20);
}
