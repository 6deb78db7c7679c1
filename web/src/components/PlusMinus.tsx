import { count } from "@/lib/format";

/** `loose`: not in a column, so that nothing keeps its place. */
export function PlusMinus({ plus, minus, loose = false }: { plus: number | null; minus: number | null; loose?: boolean }) {
  if (plus === null && minus === null) return <span className="pm mut">binary</span>;
  return (
    <span className="pm">
      <b>+{count(plus ?? 0)}</b>
      <s style={minus ? undefined : loose ? { display: "none" } : { visibility: "hidden" }}>−{count(minus ?? 0)}</s>
    </span>
  );
}

/** Five squares: the share of added and of removed lines. */
export function ChangeDots({ plus, minus }: { plus: number | null; minus: number | null }) {
  const added = plus ?? 0;
  const total = added + (minus ?? 0);
  const green = total === 0 ? 0 : Math.min(Math.max(Math.round((added / total) * 5), added > 0 ? 1 : 0), minus ? 4 : 5);
  return (
    <span className="dots" aria-hidden="true">
      {[0, 1, 2, 3, 4].map((index) => <i key={index} className={total === 0 ? "" : index < green ? "a" : "d"} />)}
    </span>
  );
}
