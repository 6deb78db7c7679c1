import type { TaskRow } from "@/api/types";

const BARS: Record<TaskRow["priority"], number> = { low: 1, medium: 2, high: 3, urgent: 4 };

/** One to four bars: priority is no state and has no colour. */
export function Priority({ value }: { value: TaskRow["priority"] }) {
  return (
    <svg width="14" height="12" viewBox="0 0 14 12" role="img" aria-label={`${value} priority`} className="prio">
      {[1, 2, 3, 4].map((bar) => <rect key={bar} x={(bar - 1) * 3.6} y={12 - bar * 3} width="2.4" height={bar * 3} rx=".8" fill="currentColor" opacity={bar <= BARS[value] ? 1 : 0.25} />)}
    </svg>
  );
}
