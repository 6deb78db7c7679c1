import type { TaskRow } from "@/api/types";
import { useNow, useTold } from "@/lib/clock";
import { ago, countdown, duration, elapsed, exactly } from "@/lib/format";
import { isWaiting } from "@/lib/states";

export function TimeAgo({ at }: { at: string }) {
  const date = new Date(at);
  return (
    <time dateTime={at} title={exactly(date)}>
      {useTold((now) => ago(date, new Date(now)))}
    </time>
  );
}

/** How long something runs, ticking. */
export function Elapsed({ since, until }: { since: string; until?: string | null }) {
  return <>{useTold((now) => (until ? duration((Date.parse(until) - Date.parse(since)) / 1000) : elapsed((now - Date.parse(since)) / 1000)))}</>;
}

/** How long the latest attempt of a task took, or takes so far; while it waits for another, none does. */
export function Took({ task, none = "—" }: { task: TaskRow; none?: string }) {
  if (!task.started_at || isWaiting(task)) return <span className="mut">{none}</span>;
  return <Elapsed since={task.started_at} until={task.finished_at} />;
}

/** Seconds left until a moment; null without one. */
export function useLeft(until: string | null): number | null {
  const now = useNow();
  return until === null ? null : (Date.parse(until) - now) / 1000;
}

export function Countdown({ until }: { until: string }) {
  const left = useLeft(until) ?? 0;
  return (
    <time dateTime={until} className={left < 300 ? "t hot" : "t"} title={`Expires ${exactly(new Date(until))}`}>
      {left > 0 ? countdown(left) : "expired"}
    </time>
  );
}
