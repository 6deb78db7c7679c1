import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type CSSProperties, useState } from "react";
import { Link, useSearchParams } from "react-router";
import { answer, api } from "@/api/client";
import { useAsked } from "@/api/queries";
import { AgentName } from "@/components/AgentName";
import { PageHeading, usePageTitle } from "@/components/Page";
import { StateGlyph } from "@/components/StateGlyph";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { useNow } from "@/lib/clock";
import { cx } from "@/lib/cx";
import { dayAndMonth, duration, hourAndMinute, plural } from "@/lib/format";
import { seenAttempt, WORDS } from "@/lib/states";
import { visible } from "@/lib/visible";
import { type Bar, heightOf, LANE, linesOf, type Row, rowsOf, ZOOMS } from "./lanes";
import { ViewSwitch } from "./ViewSwitch";

const HOUR_MS = 3_600_000;
const TICKS = 6;
/** Of the drawing of lines, which is as wide as the tracks are. */
const WIDE = 1_000;

/** Who worked on what when: every attempt, and what waited for what. */
export default function Timeline() {
  const [search, setSearch] = useSearchParams();
  const [zoom, label, hours] = ZOOMS.find(([key]) => key === search.get("range")) ?? ZOOMS[2]!;
  const by = search.get("rows") === "project" ? "project" : "agent";
  const project = search.get("project") ?? undefined;
  const now = useNow();
  const since = now - hours * HOUR_MS;
  const found = useQuery({
    queryKey: ["tasks", "timeline", zoom, project ?? null],
    queryFn: () => answer(api.GET("/api/v1/timeline", { params: { query: { since: new Date(Date.now() - hours * HOUR_MS).toISOString(), project } } })),
    placeholderData: keepPreviousData,
  });
  usePageTitle("Timeline");
  const set = (name: string, value: string) => setSearch((before) => { const after = new URLSearchParams(before); after.set(name, value); return after; });
  const rows = rowsOf(found.data?.bars ?? [], by, since, now);
  const bars = rows.reduce((sum, row) => sum + row.bars.length, 0);
  return (
    <>
      <div className="ph">
        <div><PageHeading>{found.data ? `${plural(bars, "run")} in the last ${label}` : "Timeline"}</PageHeading><p>{found.data?.more ? "The newest 2,000." : "Every attempt; point at one to see what waited for what."}</p></div>
        <div className="r">
          <ViewSwitch />
          <div className="seg" role="group" aria-label="Rows">{(["agent", "project"] as const).map((key) => <button key={key} type="button" aria-pressed={by === key} onClick={() => set("rows", key)}>{key === "agent" ? "Agents" : "Projects"}</button>)}</div>
          <div className="seg" role="group" aria-label="Time">{ZOOMS.map(([key, text]) => <button key={key} type="button" aria-pressed={zoom === key} onClick={() => set("range", key)}>{text}</button>)}</div>
        </div>
      </div>
      {found.error && !found.data ? <ErrorState what="The timeline could not be loaded" error={found.error} retry={() => void found.refetch()} />
        : !found.data ? <Skeleton rows={8} height={40} />
        : rows.length === 0 ? <EmptyState title="Nothing ran in this time" action={zoom !== "30d" ? <button type="button" className="btn" onClick={() => set("range", "30d")}>The last 30 days</button> : undefined}>Every run is a bar from when it was taken to when it ended.</EmptyState>
        : <Tracks rows={rows} waits={found.data.waits} by={by} since={since} hours={hours} stale={found.isPlaceholderData} />}
    </>
  );
}

interface TracksProps {
  rows: Row[];
  waits: { before: string; after: string }[];
  by: "agent" | "project";
  since: number;
  hours: number;
  stale: boolean;
}

function Tracks({ rows, waits, by, since, hours, stale }: TracksProps) {
  const asked = useAsked();
  const [looked, setLooked] = useState<string | null>(null);
  const span = hours * HOUR_MS;
  const ticks = Array.from({ length: TICKS }, (_, index) => since + ((index + 0.5) / TICKS) * span);
  const lines = looked ? linesOf(rows, waits, looked) : [];
  const tied = new Set(lines.flatMap((line) => line.key.split(" ")));
  const x = (at: number) => ((at - since) / span) * WIDE;
  return (
    <div className="card tl" style={stale ? { opacity: 0.6 } : undefined}>
      <div className="tl-axis" aria-hidden="true">{ticks.map((at) => <span key={at} style={{ left: `${((at - since) / span) * 100}%` }}>{hours > 24 ? dayAndMonth(at) : hourAndMinute(at)}</span>)}</div>
      <div className="tl-in">
        <ul aria-label="Runs">
          {rows.map((row) => (
            <li key={row.key}>
              <span className="cut who">{by === "project" ? <Link to={`/projects/${row.key}`}>{row.label}</Link> : <AgentName id={row.label} />}</span>
              <div className="track" style={{ height: row.lanes * LANE + 8 }}>
                {row.bars.map((bar) => <Run key={bar.told.attempt_id} bar={bar} since={since} span={span} asked={asked.has(bar.told.task_id)} faint={lines.length > 0 && !tied.has(bar.told.task_id)} onLook={setLooked} />)}
              </div>
            </li>
          ))}
        </ul>
        {lines.length > 0 ? (
          <svg className="tl-lines" viewBox={`0 0 ${WIDE} ${heightOf(rows)}`} height={heightOf(rows)} preserveAspectRatio="none" role="img" aria-label={plural(lines.length, "task waited for another", "tasks waited for others")}>
            {lines.map(({ key, from, to }) => <path key={key} d={`M${x(from[0])} ${from[1]}C${x(from[0]) + 12} ${from[1]} ${x(to[0]) - 12} ${to[1]} ${x(to[0])} ${to[1]}`} />)}
          </svg>
        ) : null}
      </div>
    </div>
  );
}

interface RunProps {
  bar: Bar;
  since: number;
  span: number;
  asked: boolean;
  faint: boolean;
  onLook: (task: string | null) => void;
}

function Run({ bar: { told, from, to, lane }, since, span, asked, faint, onLook }: RunProps) {
  const waits = asked && told.state === "running";
  const state = waits ? "waiting" : seenAttempt(told.state).state;
  const text = `${visible(told.title)}: ${WORDS[state]}, ${duration((to - Date.parse(told.began_at)) / 1000)}${told.number > 1 ? `, attempt ${told.number}` : ""}`;
  const look = () => onLook(told.task_id);
  const away = () => onLook(null);
  return (
    <Link
      to={`/tasks/${told.task_id}?attempt=${told.number}`} className={cx("run", state !== "succeeded" && state !== "running" && "odd")} title={text} aria-label={text} onMouseEnter={look} onMouseLeave={away} onFocus={look} onBlur={away}
      style={{ "--from": (from - since) / span, "--share": (to - from) / span, top: lane * LANE + 5, opacity: faint ? 0.4 : undefined } as CSSProperties}
    >
      <span className="in" style={{ background: `var(--st-${state}-soft, var(--surface-2))`, borderColor: `var(--st-${state}-fill)` }}>
        <i style={{ background: `var(--st-${state}-fill)` }} /><StateGlyph state={state} size={11} label="" /><span className="cut">{visible(told.title)}</span>
      </span>
    </Link>
  );
}
