import { useId, useState } from "react";
import { download, toCsv } from "@/lib/csv";
import { timeOfDay } from "@/lib/format";
import { niceTop, type Point } from "./sandbox/usage";

interface SeriesProps {
  /** A sentence: what is so. */
  title: string;
  unit: string;
  points: Point[];
  show: (value: number) => string;
  binary?: boolean;
  limit?: number | null;
}

const WIDTH = 400;
const HEIGHT = 96;

/** One series over time as a line, from zero; the same as a table, and as a file. */
export function Series({ title, unit, points, show, binary = false, limit = null }: SeriesProps) {
  const id = useId();
  const [table, setTable] = useState(false);
  const [cursor, setCursor] = useState<number | null>(null);
  const most = Math.max(...points.map((point) => point.value), 0);
  const near = limit !== null && limit > 0 && most > limit / 4;
  const top = niceTop(near ? Math.max(most, limit) : most, binary);
  const first = points[0]?.at ?? 0;
  const span = Math.max((points.at(-1)?.at ?? 0) - first, 1);
  const x = (point: Point) => ((point.at - first) / span) * WIDTH;
  const y = (value: number) => HEIGHT - (value / top) * (HEIGHT - 4);
  const at = cursor === null ? null : points[Math.min(cursor, points.length - 1)];
  const step = (by: number) => setCursor((before) => Math.min(Math.max((before ?? points.length - 1) + by, 0), points.length - 1));
  return (
    <figure className="series card" aria-labelledby={id}>
      <figcaption id={id}>
        <span>{title}</span>
        <span className="mut num">{at ? `${timeOfDay(new Date(at.at))}  ${show(at.value)}` : unit}</span>
        <button type="button" className="btn s g" aria-pressed={table} onClick={() => setTable(!table)}>Table</button>
        <button type="button" className="btn s g" disabled={points.length === 0} onClick={() => download(`${unit.replaceAll(/\W+/g, "-").toLowerCase()}.csv`, toCsv(["at", unit], points.map((point) => [new Date(point.at).toISOString(), point.value])))}>CSV</button>
      </figcaption>
      {table ? (
        <div className="rows" tabIndex={0} role="group" aria-label={`${title}, as a table`}>
          <table className="au"><tbody>{[...points].reverse().map((point) => <tr key={point.at}><td>{timeOfDay(new Date(point.at))}</td><td>{show(point.value)}</td></tr>)}</tbody></table>
        </div>
      ) : (
        <div
          className="plot" role="slider" tabIndex={0} aria-label={`${title}. Left and right go through the samples`} aria-valuemin={0} aria-valuemax={Math.max(points.length - 1, 0)} aria-valuenow={cursor ?? Math.max(points.length - 1, 0)}
          aria-valuetext={at ? `${timeOfDay(new Date(at.at))}: ${show(at.value)}` : points.length > 0 ? show(points.at(-1)!.value) : "no samples yet"}
          onKeyDown={(event) => {
            const by = { ArrowLeft: -1, ArrowRight: 1, Home: -points.length, End: points.length }[event.key];
            if (by === undefined || points.length === 0) return;
            event.preventDefault();
            event.stopPropagation();
            step(by);
          }}
          onPointerMove={(event) => {
            const box = event.currentTarget.getBoundingClientRect();
            const wanted = first + ((event.clientX - box.left) / box.width) * span;
            setCursor(points.reduce((best, point, index) => (Math.abs(point.at - wanted) < Math.abs(points[best]!.at - wanted) ? index : best), 0));
          }}
          onPointerLeave={() => setCursor(null)} onBlur={() => setCursor(null)}
        >
          <span className="ymax num">{show(top)}</span>
          <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
            {[0.5, 1].map((share) => <line key={share} x1="0" x2={WIDTH} y1={y(top * share)} y2={y(top * share)} stroke="var(--border)" vectorEffect="non-scaling-stroke" />)}
            <line x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} stroke="var(--border-strong)" vectorEffect="non-scaling-stroke" />
            {near ? <line x1="0" x2={WIDTH} y1={y(limit)} y2={y(limit)} stroke="var(--st-failed-fill)" strokeDasharray="4 3" vectorEffect="non-scaling-stroke" /> : null}
            <polyline points={points.map((point) => `${x(point)},${y(point.value)}`).join(" ")} fill="none" stroke="var(--c1)" strokeWidth="1.5" vectorEffect="non-scaling-stroke" />
            {at ? <line x1={x(at)} x2={x(at)} y1="0" y2={HEIGHT} stroke="var(--fg-3)" vectorEffect="non-scaling-stroke" /> : null}
          </svg>
          {points.length === 0 ? <span className="none mut">No samples yet</span> : null}
        </div>
      )}
    </figure>
  );
}
