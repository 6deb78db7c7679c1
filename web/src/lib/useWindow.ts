import { useVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect, useLayoutEffect, useState } from "react";

/** From so many lines on only those near the window are made. */
const WINDOWED = 100;
/** The same where lines are rich and live: each costs the page's thread something at every key, paint and clock. */
export const FEW = 40;

/** The height of a row of a table, its line included. */
export function rowHeight(): number {
  if (innerWidth < 768) return 62;
  return parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row")) + 1 || 33;
}

/** Which lines of a long list are near the window, and how much room the others take above and below. */
export function useWindow(count: number, box: RefObject<HTMLElement | null>, height: () => number = rowHeight, from = WINDOWED) {
  const [margin, setMargin] = useState(0);
  const rows = useVirtualizer({ count, enabled: count > from, getScrollElement: () => document.getElementById("main"), estimateSize: height, overscan: 3, scrollMargin: margin, initialRect: { width: innerWidth, height: innerHeight / 2 } });
  // With the height, which is asked for at the same time, this gives how many are seen before any is painted.
  useLayoutEffect(() => setMargin((before) => topOf(box.current) ?? before), [box]);
  useEffect(() => {
    const main = document.getElementById("main");
    const own = box.current;
    if (!main || !own || count <= from) return;
    // Told after the page was laid out, so that asking where things are costs nothing.
    const watcher = new ResizeObserver(() => setMargin((before) => topOf(own) ?? before));
    for (const above of allBefore(own, main)) watcher.observe(above);
    return () => watcher.disconnect();
  }, [count, box, from]);
  const near = rows.getVirtualItems();
  if (count <= from || near.length === 0) return { from: 0, to: Math.min(count, from), above: 0, below: 0 };
  return {
    from: near[0]!.index, to: near.at(-1)!.index + 1,
    above: Math.max(near[0]!.start - margin, 0), below: Math.max(rows.getTotalSize() - (near.at(-1)!.end - margin), 0),
  };
}

/** How far from the top of its page a list begins. */
function topOf(own: Element | null): number | null {
  const main = own?.closest("#main");
  return own && main ? own.getBoundingClientRect().top + main.scrollTop - main.getBoundingClientRect().top : null;
}

/** A list, and everything that stands above it on its page. */
function allBefore(own: Element, main: Element): Element[] {
  const found = [own];
  for (let inside: Element | null = own; inside && inside !== main; inside = inside.parentElement) {
    for (let above = inside.previousElementSibling; above; above = above.previousElementSibling) found.push(above);
  }
  return found;
}
