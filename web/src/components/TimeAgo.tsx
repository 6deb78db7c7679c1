import { useNow, useTold } from "@/lib/clock";
import { ago, countdown, duration, elapsed, exactly } from "@/lib/format";

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
