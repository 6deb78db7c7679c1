import { TriangleAlert } from "lucide-react";
import { memo } from "react";
import { Link } from "react-router";
import type { FleetRow, Overview } from "@/api/types";
import { StateBar, StateGlyph } from "@/components/StateGlyph";
import { compact, cost, count, dollars, duration, exactCost, percent, perHour } from "@/lib/format";
import { type Shown, WORDS } from "@/lib/states";
import { cx } from "@/lib/cx";
import { type Cell, CELLS } from "./custom";
import { countStates, paceOf } from "./rows";

/** Five cells with what the day came to; each opens what it counts. */
export const Strip = memo(function Strip({ rows, overview, cells }: { rows: FleetRow[]; overview: Overview | undefined; cells: Cell[] }) {
  if (cells.length === 0) return null;
  return (
    <section className={cx("stats card", `n${cells.length}`)} aria-label="Fleet totals">
      {cells.map((cell) => <OneCell key={cell} cell={cell} rows={rows} overview={overview} />)}
    </section>
  );
});

function OneCell({ cell, rows, overview }: { cell: Cell; rows: FleetRow[]; overview: Overview | undefined }) {
  switch (cell) {
    case "agents":
      return <Agents rows={rows} queued={overview ? overview.open - overview.tasks.running! : 0} />;
    case "spend":
      return overview ? <Spend overview={overview} /> : <Blank title={CELLS.spend} />;
    case "tokens":
      return overview ? <Tokens overview={overview} /> : <Blank title={CELLS.tokens} />;
    case "context":
      return <ContextCell rows={rows} />;
    case "finished":
      return overview ? <Finished overview={overview} /> : <Blank title={CELLS.finished} />;
  }
}

function Blank({ title }: { title: string }) {
  return <div className="st"><h2>{title}</h2><div className="sk" style={{ marginTop: 14, width: "60%" }} /></div>;
}

function Agents({ rows, queued }: { rows: FleetRow[]; queued: number }) {
  const counts = countStates(rows);
  return (
    <div className="st">
      <h2><Link to="/?view=list">Agents</Link><span className="num">{count(rows.length)}</span></h2>
      <div style={{ height: 6 }} />
      <StateBar counts={Object.fromEntries(counts)} />
      <div className="lg">
        {[...counts].map(([state, value]) => <Link key={state} to={`/?q=state%3A${wordOf(state).toLowerCase()}`}><StateGlyph state={state} size={12} label="" /><b>{value}</b>{wordOf(state)}</Link>)}
        {queued > 0 ? <Link to="/tasks?state=queued"><StateGlyph state="queued" size={12} label="" /><b>{count(queued)}</b>{queued === 1 ? "task" : "tasks"} queued</Link> : null}
      </div>
    </div>
  );
}

const wordOf = (state: Shown) => (state === "cancelled" ? "Offline" : WORDS[state]);

function Spend({ overview }: { overview: Overview }) {
  const { day, budget_usd: budget, budget_used_usd: used } = overview;
  const { rate, today } = paceOf(day.cost_usd, Date.parse(day.since), Date.now());
  const share = budget ? used / budget : 0;
  const colour = share >= 1 ? "var(--st-failed-fill)" : share >= 0.8 ? "var(--st-waiting-fill)" : "var(--fg)";
  return (
    <Link className="st" to="/projects">
      <h2>Spend today</h2>
      <div className="big" title={exactCost(day.cost_usd, day.unpriced_calls)}>{cost(day.cost_usd, day.unpriced_calls)}{budget === null ? null : <small title={`${cost(used)} of ${dollars(budget)} spent, all budgets together`}>{percent(share)} of budgets</small>}</div>
      <div className="bar" aria-hidden="true"><i style={{ width: `${Math.min(share, 1) * 100}%`, background: colour }} /></div>
      <div className="ft num">
        <span>{cost(rate)} / h</span>
        {day.unpriced_calls > 0 ? <span>{count(day.unpriced_calls)} unpriced calls</span> : today > day.cost_usd ? <span title="As it goes on until midnight">about {cost(today)} today</span> : null}
      </div>
    </Link>
  );
}

function Tokens({ overview }: { overview: Overview }) {
  const { input_tokens: input, output_tokens: output, cache_read_tokens: read, cache_write_tokens: write } = overview.day.tokens;
  const total = input + output + read + write;
  const width = (value: number) => (total === 0 ? "0" : `${(value / total) * 100}%`);
  return (
    <Link className="st" to="/?group=none&sort=-tokens">
      <h2>Tokens today</h2>
      <div className="big" title={`${count(input)} in, ${count(output)} out, ${count(read)} read from and ${count(write)} written to the cache`}>{compact(total)}{read > 0 ? <small>{percent(read / total)} cached</small> : null}</div>
      <div className="bar" aria-hidden="true">
        <i style={{ width: width(read), background: "var(--c3)" }} /><i style={{ width: width(input + write), background: "var(--c1)" }} /><i style={{ width: width(output), background: "var(--c2)" }} />
      </div>
      <div className="ft num"><span>cache {compact(read)}</span><span>in {compact(input + write)}</span><span>out {compact(output)}</span></div>
    </Link>
  );
}

function ContextCell({ rows }: { rows: FleetRow[] }) {
  const shares = rows.filter((row) => row.context_used !== null && row.context_window).map((row) => row.context_used! / row.context_window!).sort((a, b) => a - b);
  const above = shares.filter((share) => share > 0.8).length;
  const bins = Array.from({ length: 10 }, (_, bin) => shares.filter((share) => Math.min(Math.floor(share * 10), 9) === bin).length);
  const most = Math.max(...bins, 1);
  return (
    <Link className="st" to="/?q=context%3E80">
      <h2>Context window{above > 0 ? <span className="text-waiting"><TriangleAlert size={12} />{above} above 80%</span> : null}</h2>
      <div style={{ display: "flex", alignItems: "flex-end", gap: 9, marginTop: 6 }}>
        <svg className="hist" width="104" height="36" viewBox="0 0 104 36" preserveAspectRatio="none" aria-hidden="true">
          {bins.map((value, bin) => {
            const height = value === 0 ? 1.5 : 4 + (value / most) * 30;
            return <rect key={bin} x={bin * 10.4} y={36 - height} width="8.8" height={height} rx="1.5" fill={value === 0 ? "var(--surface-3)" : bin === 9 ? "var(--st-failed-fill)" : bin === 8 ? "var(--st-waiting-fill)" : "var(--st-queued-fill)"} />;
          })}
        </svg>
        <div className="ft num" style={{ flexDirection: "column", gap: 0 }}>
          {shares.length > 0 ? <><span>median {percent(shares[Math.floor((shares.length - 1) / 2)]!)}</span><span>max {percent(shares.at(-1)!)}</span></> : <span className="mut">none told</span>}
        </div>
      </div>
      <div className="ft hist" style={{ justifyContent: "space-between", maxWidth: 104, color: "var(--fg-3)", fontSize: 10.5, lineHeight: "14px", marginTop: 2 }} aria-hidden="true"><span>0%</span><span>100%</span></div>
    </Link>
  );
}

function Finished({ overview }: { overview: Overview }) {
  const { hours, median_seconds: median } = overview.day;
  const succeeded = hours.reduce((sum, hour) => sum + hour.succeeded, 0);
  const failed = hours.reduce((sum, hour) => sum + hour.failed, 0);
  const ended = hours.map((hour) => hour.succeeded + hour.failed);
  const total = succeeded + failed;
  const most = Math.max(...ended, 1);
  const step = ended.length > 1 ? 146 / (ended.length - 1) : 0;
  const points = ended.map((value, index) => `${2 + index * step},${20 - (value / most) * 16}`);
  return (
    <Link className="st" to="/tasks?state=finished&from=today">
      <h2>Finished today</h2>
      <div className="big">{count(total)}{total > 0 ? <small>{percent(succeeded / total)} succeeded</small> : null}</div>
      <svg width="150" height="22" aria-hidden="true" style={{ maxWidth: "100%" }}>
        <polyline points={points.join(" ")} fill="none" stroke="var(--st-succeeded-fill)" strokeWidth="1.5" strokeLinejoin="round" />
        <circle cx={2 + (ended.length - 1) * step} cy={20 - ((ended.at(-1) ?? 0) / most) * 16} r="2" fill="var(--st-succeeded-fill)" />
      </svg>
      <div className="ft num" style={{ marginTop: 4 }}><span>{perHour(total / hours.length)} / h</span>{median !== null ? <span>median {duration(median)}</span> : null}</div>
    </Link>
  );
}
