import { memo, useLayoutEffect } from "react";
import { type Shown, WORDS } from "@/lib/states";
import { cx } from "@/lib/cx";

/** The silhouettes of all states, once per page; glyphs refer to them. */
export function GlyphSheet() {
  const ink = "var(--st-glyph-ink)";
  const fill = (state: Shown) => `var(--st-${state}-fill)`;
  return (
    <svg width="0" height="0" className="sr" aria-hidden="true">
      <defs>
        <symbol id="g-running" viewBox="0 0 16 16">
          <circle cx="8" cy="8" r="6.1" fill="none" stroke={fill("running")} strokeWidth="1.8" strokeOpacity=".3" />
          <path d="M8 1.9a6.1 6.1 0 1 1-5.28 3.05" fill="none" stroke={fill("running")} strokeWidth="1.8" strokeLinecap="round" />
          <circle cx="8" cy="8" r="3" fill={fill("running")} />
        </symbol>
        <symbol id="g-waiting" viewBox="0 0 16 16">
          <path d="M8 .9 15.1 8 8 15.1.9 8Z" fill={fill("waiting")} stroke={fill("waiting")} strokeLinejoin="round" />
          <path d="M8 4.6v4" stroke={ink} strokeWidth="1.8" strokeLinecap="round" />
          <circle cx="8" cy="11.1" r="1" fill={ink} />
        </symbol>
        <symbol id="g-succeeded" viewBox="0 0 16 16">
          <circle cx="8" cy="8" r="7" fill={fill("succeeded")} />
          <path d="m4.9 8.2 2.2 2.2 4-4.6" fill="none" stroke={ink} strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" />
        </symbol>
        <symbol id="g-failed" viewBox="0 0 16 16">
          <rect x="1.4" y="1.4" width="13.2" height="13.2" rx="2.6" fill={fill("failed")} />
          <path d="m5.4 5.4 5.2 5.2m0-5.2-5.2 5.2" stroke={ink} strokeWidth="1.8" strokeLinecap="round" />
        </symbol>
        <symbol id="g-stale" viewBox="0 0 16 16">
          <path d="M8 1.6 15 14H1Z" fill="none" stroke={fill("stale")} strokeWidth="1.8" strokeLinejoin="round" strokeDasharray="3.1 1.9" />
          <circle cx="8" cy="10.2" r="1.5" fill={fill("stale")} />
        </symbol>
        <symbol id="g-queued" viewBox="0 0 16 16">
          <circle cx="8" cy="8" r="6" fill="none" stroke={fill("queued")} strokeWidth="1.8" strokeDasharray="2.6 2.1" />
        </symbol>
        <symbol id="g-idle" viewBox="0 0 16 16">
          <circle cx="8" cy="8" r="6" fill="none" stroke={fill("idle")} strokeWidth="1.6" />
        </symbol>
        <symbol id="g-paused" viewBox="0 0 16 16">
          <circle cx="8" cy="8" r="6" fill="none" stroke={fill("paused")} strokeWidth="1.6" />
          <path d="M6.4 5.8v4.4M9.6 5.8v4.4" stroke={fill("paused")} strokeWidth="1.7" strokeLinecap="round" />
        </symbol>
        <symbol id="g-cancelled" viewBox="0 0 16 16">
          <circle cx="8" cy="8" r="6" fill="none" stroke={fill("cancelled")} strokeWidth="1.6" />
          <path d="m3.9 12.1 8.2-8.2" stroke={fill("cancelled")} strokeWidth="1.6" />
        </symbol>
        <symbol id="g-archived" viewBox="0 0 16 16">
          <rect x="1.8" y="2.6" width="12.4" height="3.4" rx="1" fill="none" stroke={fill("archived")} strokeWidth="1.5" />
          <path d="M3 6.4v6.2c0 .5.4.9.9.9h8.2c.5 0 .9-.4.9-.9V6.4M6.4 9h3.2" fill="none" stroke={fill("archived")} strokeWidth="1.5" strokeLinecap="round" />
        </symbol>
      </defs>
    </svg>
  );
}

/** Where there are more, arcs stand still: each that turns is a layer of its own, and every key and every scroll weighs all of them. */
const MANY = 12;
let running = 0;

function counted(more: 1 | -1): void {
  running += more;
  document.documentElement.toggleAttribute("data-still", running > MANY);
}

interface GlyphProps {
  state: Shown;
  size?: number;
  /** Another name for it; "" where the word stands beside it. */
  label?: string;
}

export const StateGlyph = memo(function StateGlyph({ state, size = 13, label }: GlyphProps) {
  const name = label ?? WORDS[state];
  const turns = state === "running";
  // Before the first frame, or all of them would turn in it.
  useLayoutEffect(() => {
    if (!turns) return;
    counted(1);
    return () => counted(-1);
  }, [turns]);
  return (
    <svg className={turns ? "gl turns" : "gl"} width={size} height={size} viewBox="0 0 16 16" {...(name ? { role: "img", "aria-label": name } : { "aria-hidden": true })}>
      <use href={`#g-${state}`} />
    </svg>
  );
});

export function StateChip({ state, word }: { state: Shown; word?: string }) {
  return (
    <span className={cx("chip", state)}>
      <StateGlyph state={state} size={12} label="" />
      {word ?? WORDS[state]}
    </span>
  );
}

/** How many are in each state, as one bar; the figures stand beside it. */
export function StateBar({ counts }: { counts: Partial<Record<Shown, number>> }) {
  const total = Object.values(counts).reduce((sum, value) => sum + value, 0);
  return (
    <div className="bar" style={{ height: 8, borderRadius: 4 }} aria-hidden="true">
      {Object.entries(counts).map(([state, value]) =>
        value > 0 ? <i key={state} style={{ width: `${(value / total) * 100}%`, background: `var(--st-${state}-fill)` }} /> : null,
      )}
    </div>
  );
}
