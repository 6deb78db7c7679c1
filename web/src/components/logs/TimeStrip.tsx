import { type KeyboardEvent, type PointerEvent, useRef, useState } from "react";
import { cx } from "@/lib/cx";
import { duration, plural, timeOfDay } from "@/lib/format";
import { type Brush, FAILED, moved, OTHER, type Strip } from "./strip";

const HEIGHT = 44;

interface StripProps {
  strip: Strip;
  brush: Brush | null;
  onBrush: (brush: Brush | null) => void;
}

function inkOf(strip: Strip, kind: number): string {
  const name = strip.kinds[kind];
  return name === FAILED ? "var(--st-failed-fill)" : name === OTHER ? "var(--c-other)" : `var(--c${kind + 1})`;
}

/** Events over time, by kind. A stretch is chosen by dragging over it, or by its two ends with the arrows. */
export function TimeStrip({ strip, brush, onBrush }: StripProps) {
  const box = useRef<HTMLDivElement>(null);
  const start = useRef(0);
  const [drag, setDrag] = useState<Brush | null>(null);
  const count = strip.buckets.length;
  const shown = drag ?? brush;
  const [from, to] = shown ?? [0, count];
  const clock = (bucket: number) => timeOfDay(new Date(strip.from + bucket * strip.step));
  const at = (event: PointerEvent) => {
    const { left, width } = box.current!.getBoundingClientRect();
    return Math.min(Math.max(Math.floor(((event.clientX - left) / width) * count), 0), count - 1);
  };
  const span = (event: PointerEvent): Brush => [Math.min(start.current, at(event)), Math.max(start.current, at(event)) + 1];
  const pressed = (which: 0 | 1) => (event: KeyboardEvent) => {
    if (event.key === "Escape" && brush) { event.preventDefault(); onBrush(null); return; }
    const next = moved([from, to], which, event.key, count);
    if (!next) return;
    event.preventDefault();
    onBrush(next[0] === 0 && next[1] === count ? null : next);
  };
  const handle = (which: 0 | 1) => (
    <span
      className="ts-end" role="slider" tabIndex={0} aria-label={which === 0 ? "From" : "To"} aria-valuemin={0} aria-valuemax={count} aria-valuenow={which === 0 ? from : to} aria-valuetext={clock(which === 0 ? from : to)}
      style={{ left: `${((which === 0 ? from : to) / count) * 100}%` }} onKeyDown={pressed(which)}
    />
  );
  const used = strip.kinds.map((kind, index) => ({ kind, index, amount: strip.buckets.reduce((sum, bucket) => sum + bucket[index]!, 0) })).filter((one) => one.amount > 0);
  return (
    <figure className="ts" aria-label="Events over time">
      <div
        ref={box} className={cx("ts-in", shown && "narrow")}
        onPointerDown={(event) => { if (event.button !== 0 || (event.target as HTMLElement).role === "slider") return; event.currentTarget.setPointerCapture(event.pointerId); start.current = at(event); setDrag([start.current, start.current + 1]); }}
        onPointerMove={(event) => drag && setDrag(span(event))}
        onPointerUp={(event) => { if (!drag) return; const made = span(event); setDrag(null); onBrush(made[1] - made[0] > 1 ? made : null); }}
        onPointerCancel={() => setDrag(null)}
      >
        <svg viewBox={`0 0 ${count} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          {strip.buckets.map((bucket, x) => {
            let top = HEIGHT;
            return bucket.map((amount, kind) => {
              if (amount === 0) return null;
              const height = Math.max((amount / strip.most) * (HEIGHT - 2), 1.5);
              top -= height;
              return <rect key={`${x} ${kind}`} x={x + 0.1} width={0.8} y={top} height={height} fill={inkOf(strip, kind)} opacity={x >= from && x < to ? 1 : 0.25} />;
            });
          })}
        </svg>
        {shown ? <i className="ts-sel" style={{ left: `${(from / count) * 100}%`, width: `${((to - from) / count) * 100}%` }} /> : null}
        {handle(0)}{handle(1)}
      </div>
      <figcaption>
        <time dateTime={new Date(strip.from).toISOString()}>{clock(0)}</time>
        <span className="ts-keys">{used.map(({ kind, index, amount }) => <span key={kind}><i style={{ background: inkOf(strip, index) }} />{kind} <span className="mut num">{amount}</span></span>)}</span>
        {shown ? <span className="num">{clock(from)} to {clock(to)}, {duration(((to - from) * strip.step) / 1000)}</span> : <span className="mut">At most {plural(strip.most, "event")} in {duration(strip.step / 1000)}; drag to narrow</span>}
        {brush ? <button type="button" className="btn s" onClick={() => onBrush(null)}>All times</button> : null}
        <time dateTime={new Date(strip.to).toISOString()}>{clock(count)}</time>
      </figcaption>
    </figure>
  );
}
