import { cx } from "@/lib/cx";
import { count } from "@/lib/format";

/** How full a context window is: neutral up to 80 %, then the waiting colour, from 90 % the failed one. */
export function ContextMeter({ used, total }: { used: number | null; total: number | null }) {
  if (used === null || !total) return <span className="mut" aria-label="Not told">—</span>;
  const share = Math.min(Math.round((used / total) * 100), 100);
  return (
    <div className={cx("ctx", share >= 90 ? "x" : share > 80 && "w")} title={`${count(used)} of ${count(total)} tokens`}>
      <div className="m" aria-hidden="true" style={{ "--full": `${share}%` } as React.CSSProperties} />
      <span>{share}%</span>
    </div>
  );
}
