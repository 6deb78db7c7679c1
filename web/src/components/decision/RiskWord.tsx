import type { Approval } from "@/api/types";
import { visible } from "@/lib/visible";

/** How risky, as a word with bars: never by colour. */
export function RiskWord({ risk }: { risk: NonNullable<Approval["risk"]> }) {
  const bars = { low: 1, medium: 2, high: 3 }[risk.level];
  return (
    <span className="risk" title={visible(risk.reasons.join(", "))}>
      <svg width="11" height="10" viewBox="0 0 11 10" aria-hidden="true">
        {[0, 1, 2].map((bar) => <rect key={bar} x={bar * 4} y={6 - bar * 3} width="3" height={4 + bar * 3} rx="1" fill="currentColor" opacity={bar < bars ? 1 : 0.25} />)}
      </svg>
      {risk.level} risk
    </span>
  );
}
