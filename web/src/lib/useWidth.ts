import { useSyncExternalStore } from "react";

/** Asked of the browser once and told by it from then on: asking it while something changes makes it lay out the page at once. */
let width: number | null = null;

function measured(): number {
  return Math.floor((document.getElementById("main")?.clientWidth ?? innerWidth) / 20) * 20;
}

function listen(changed: () => void): () => void {
  const main = document.getElementById("main");
  if (!main) return () => undefined;
  const watcher = new ResizeObserver(() => {
    width = measured();
    changed();
  });
  watcher.observe(main);
  return () => {
    watcher.disconnect();
    width = null;
  };
}

/** How wide the page is beside the sidebar and the panel, in steps of 20 pixels. */
export function usePageWidth(): number {
  return useSyncExternalStore(listen, () => (width ??= measured()));
}
