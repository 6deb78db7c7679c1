import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown } from "lucide-react";
import { memo, useEffect, useRef, useState } from "react";
import type { LogLine } from "@/api/types";
import { parseAnsi } from "@/lib/ansi";
import { cx } from "@/lib/cx";
import { plural, timeOfDay } from "@/lib/format";
import { visible } from "@/lib/visible";

interface LogViewProps {
  lines: LogLine[];
  height: number | string;
  follow: boolean;
  onFollow: (follow: boolean) => void;
  wrap?: boolean;
  /** Whether each line says when it was printed. */
  times?: boolean;
  label: string;
}

const NEAR_PX = 24;

/** Lines of output. It follows until somebody scrolls up. */
export function LogView({ lines, height, follow, onFollow, wrap = false, times = true, label }: LogViewProps) {
  const box = useRef<HTMLDivElement>(null);
  const [seen, setSeen] = useState(lines.length);
  const rows = useVirtualizer({ count: lines.length, getScrollElement: () => box.current, estimateSize: () => 19, overscan: 30, paddingStart: 8, paddingEnd: 8 });
  const count = lines.length;
  useEffect(() => {
    if (!follow) return;
    setSeen(count);
    const element = box.current;
    if (element) element.scrollTop = element.scrollHeight;
  }, [follow, count]);
  const scrolled = () => {
    const element = box.current;
    if (!element) return;
    const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX;
    if (atEnd !== follow && !(follow && element.scrollHeight <= element.clientHeight)) onFollow(atEnd);
  };
  const unseen = follow ? 0 : count - seen;
  return (
    <div style={{ position: "relative" }}>
      <div
        ref={box} className={cx("log", wrap && "wrap", !times && "untimed")} role="log" aria-live="off" aria-label={label} tabIndex={0} style={{ height }}
        onWheel={(event) => event.deltaY < 0 && follow && onFollow(false)} onScroll={scrolled}
        onKeyDown={(event) => event.key === "End" && onFollow(true)}
      >
        <div style={{ height: rows.getTotalSize(), position: "relative", minWidth: "100%" }}>
          {rows.getVirtualItems().map((row) => (
            <div key={row.key} data-index={row.index} ref={rows.measureElement} style={{ position: "absolute", top: 0, left: 0, right: wrap ? 0 : undefined, transform: `translateY(${row.start}px)` }}>
              <Row line={lines[row.index]!} />
            </div>
          ))}
        </div>
      </div>
      {unseen > 0 ? (
        <button type="button" className="btn s jump" onClick={() => onFollow(true)}>{plural(unseen, "new line")}<ArrowDown size={12} /></button>
      ) : null}
    </div>
  );
}

const Row = memo(function Row({ line }: { line: LogLine }) {
  return (
    <div className="ln">
      <time dateTime={line.at}>{timeOfDay(new Date(line.at))}</time>
      <span className={line.stream === "stderr" ? "er" : line.stream === "system" ? "sy" : undefined}>
        {parseAnsi(line.text).map((run, index) => <span key={index} style={run.style ? { color: run.style } : undefined}>{visible(run.text)}</span>)}
        {line.text === "" ? "\u00a0" : null}
      </span>
    </div>
  );
});
