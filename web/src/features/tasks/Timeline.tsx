import { useQuery } from "@tanstack/react-query";
import { Link, useSearchParams } from "react-router";
import { answer, api } from "@/api/client";
import { useAsked } from "@/api/queries";
import { PageHeading, usePageTitle } from "@/components/Page";
import { StateGlyph } from "@/components/StateGlyph";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { useNow } from "@/lib/clock";
import { duration, plural } from "@/lib/format";
import { seenTask } from "@/lib/states";
import { type Bar, rowsOf, ZOOMS } from "./lanes";
import { ViewSwitch } from "./ViewSwitch";

const HOUR_MS = 3_600_000;
const TICKS = 6;
const LANE = 20;
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** Who ran what when: the last run of every task. */
export default function Timeline() {
  const [search, setSearch] = useSearchParams();
  const [zoom, , hours] = ZOOMS.find(([key]) => key === search.get("range")) ?? ZOOMS[2]!;
  const by = search.get("rows") === "project" ? "project" : "agent";
  const project = search.get("project") ?? undefined;
  const asked = useAsked();
  const now = useNow();
  // Asked for anew by the minute at most; bars that go on grow by the second.
  const minute = Math.floor(now / 60_000) * 60_000;
  const since = now - hours * HOUR_MS;
  const running = useQuery({ queryKey: ["tasks", "timeline", "running", project ?? null], queryFn: () => answer(api.GET("/api/v1/tasks", { params: { query: { state: ["running"], project, limit: 200 } } })) });
  const ended = useQuery({
    queryKey: ["tasks", "timeline", zoom, project ?? null],
    queryFn: () => answer(api.GET("/api/v1/tasks", { params: { query: { ended_after: new Date(minute - hours * HOUR_MS).toISOString(), state: ["succeeded", "failed", "cancelled"], project, limit: 200 } } })),
    placeholderData: (before) => before,
  });
  usePageTitle("Timeline");
  const set = (name: string, value: string) => setSearch((before) => { const after = new URLSearchParams(before); after.set(name, value); return after; });
  const rows = rowsOf([...(running.data?.items ?? []), ...(ended.data?.items ?? [])], by, since, now);
  const bars = rows.reduce((sum, row) => sum + row.bars.length, 0);
  const ticks = Array.from({ length: TICKS }, (_, index) => since + ((index + 0.5) / TICKS) * hours * HOUR_MS);
  const error = running.error ?? ended.error;
  return (
    <>
      <div className="ph">
        <div><PageHeading>{ended.data ? `${plural(bars, "run")} in the last ${ZOOMS.find(([key]) => key === zoom)![1]}` : "Timeline"}</PageHeading><p>{ended.data?.next_cursor ? "The newest 200 that ended, and those that run." : "The last run of every task."}</p></div>
        <div className="r">
          <ViewSwitch />
          <div className="seg" role="group" aria-label="Rows">{(["agent", "project"] as const).map((key) => <button key={key} type="button" aria-pressed={by === key} onClick={() => set("rows", key)}>{key === "agent" ? "Agents" : "Projects"}</button>)}</div>
          <div className="seg" role="group" aria-label="Time">{ZOOMS.map(([key, label]) => <button key={key} type="button" aria-pressed={zoom === key} onClick={() => set("range", key)}>{label}</button>)}</div>
        </div>
      </div>
      {error && !ended.data ? <ErrorState what="The timeline could not be loaded" error={error} retry={() => { void running.refetch(); void ended.refetch(); }} />
        : !running.data || !ended.data ? <Skeleton rows={8} height={40} />
        : rows.length === 0 ? <EmptyState title="Nothing ran in this time" action={zoom !== "30d" ? <button type="button" className="btn" onClick={() => set("range", "30d")}>The last 30 days</button> : undefined}>Every run is a bar from when it was taken to when it ended.</EmptyState>
        : (
          <div className="card tl" style={ended.isPlaceholderData ? { opacity: 0.6 } : undefined}>
            <div className="tl-axis" aria-hidden="true">{ticks.map((at) => <span key={at} style={{ left: `${((at - since) / (hours * HOUR_MS)) * 100}%` }}>{hours > 24 ? date.format(at) : clock.format(at)}</span>)}</div>
            <ul aria-label="Runs">
              {rows.map((row) => (
                <li key={row.key}>
                  <span className="cut who">{by === "project" ? <Link to={`/projects/${row.key}`}>{row.label}</Link> : row.label}</span>
                  <div className="track" style={{ height: row.lanes * LANE + 8 }}>
                    {row.bars.map((bar) => <Run key={bar.task.id} bar={bar} since={since} span={hours * HOUR_MS} asked={asked.has(bar.task.id)} />)}
                  </div>
                </li>
              ))}
            </ul>
          </div>
        )}
    </>
  );
}

function Run({ bar, since, span, asked }: { bar: Bar; since: number; span: number; asked: boolean }) {
  const { state, word } = seenTask(bar.task, asked);
  const began = Date.parse(bar.task.started_at!);
  const text = `${bar.task.title}: ${word}, ${duration((bar.to - began) / 1000)}${bar.task.attempts > 1 ? `, attempt ${bar.task.attempts}` : ""}`;
  return (
    <Link
      to={`/tasks/${bar.task.id}`} className="run" title={text} aria-label={text}
      style={{ left: `${((bar.from - since) / span) * 100}%`, width: `max(${((bar.to - bar.from) / span) * 100}%, 4px)`, top: bar.lane * LANE + 5, background: `var(--st-${state}-soft, var(--surface-2))`, borderColor: `var(--st-${state}-fill)` }}
    >
      <i style={{ background: `var(--st-${state}-fill)` }} /><StateGlyph state={state} size={11} label="" /><span className="cut">{bar.task.title}</span>
    </Link>
  );
}
