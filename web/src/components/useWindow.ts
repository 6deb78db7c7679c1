import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useState } from "react";

/** From so many lines on only those near the window are made. */
const WINDOWED = 100;

/** Which lines are near the window, and how much room the others take. */
export function useWindow(count: number, box: React.RefObject<HTMLDivElement | null>) {
  const [margin, setMargin] = useState(0);
  const rows = useVirtualizer({ count, enabled: count > WINDOWED, getScrollElement: () => document.getElementById("main"), estimateSize: () => rowHeight(), overscan: 10, scrollMargin: margin });
  useEffect(() => {
    const main = document.getElementById("main");
    if (main && box.current) setMargin(box.current.getBoundingClientRect().top + main.scrollTop - main.getBoundingClientRect().top);
  }, [count, box]);
  const near = rows.getVirtualItems();
  if (count <= WINDOWED || near.length === 0) return { from: 0, to: Math.min(count, WINDOWED), above: 0, below: 0 };
  return {
    from: near[0]!.index, to: near.at(-1)!.index + 1,
    above: Math.max(near[0]!.start - margin, 0), below: Math.max(rows.getTotalSize() - (near.at(-1)!.end - margin), 0),
  };
}

function rowHeight(): number {
  if (innerWidth < 768) return 62;
  return parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row")) + 1 || 33;
}
