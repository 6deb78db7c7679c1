import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { splitOf } from "@/components/Cost";
import { StateGlyph } from "@/components/StateGlyph";
import { TimeAgo } from "@/components/TimeAgo";
import { compact, cost, count, duration, exactCost, percent } from "@/lib/format";
import { type Compared, comparedOf } from "./compare";
import { usageOf } from "./queries";
import type { AgentLine } from "./rows";

interface CompareProps {
  lines: AgentLine[];
  /** Ids of the two; empty: the first that is there. */
  wanted: [string, string];
  onWant: (wanted: [string, string]) => void;
  onClose: () => void;
}

const side = (lines: AgentLine[], id: string, other: number) => lines.find((line) => line.agent.id === id) ?? lines[other];

/** Two agents beside each other: what each did, how well and for how much. */
export default function Compare({ lines, wanted, onWant, onClose }: CompareProps) {
  const [a, b] = [side(lines, wanted[0], 0), side(lines, wanted[1], 1)];
  const usage = [useQuery({ ...usageOf(a?.agent.id ?? ""), enabled: a !== undefined }).data, useQuery({ ...usageOf(b?.agent.id ?? ""), enabled: b !== undefined }).data];
  if (!a || !b) return null;
  const pick = (index: 0 | 1, value: AgentLine) => (
    <select className="inp" aria-label={index === 0 ? "First agent" : "Second agent"} value={value.agent.id} onChange={(event) => onWant(index === 0 ? [event.target.value, b.agent.id] : [a.agent.id, event.target.value])}>
      {lines.map(({ agent }) => <option key={agent.id} value={agent.id}>{agent.name}</option>)}
    </select>
  );
  const cells: [string, (line: AgentLine) => React.ReactNode][] = [
    ["Now", (line) => <span className="ag"><StateGlyph state={line.seen.state} label="" />{line.seen.word}</span>],
    ["Model", ({ agent }) => agent.model || "–"],
    ["Tasks", ({ agent }) => <Link className="link" to={`/tasks?agent=${encodeURIComponent(agent.id)}`}>{count(agent.record?.tasks ?? 0)}</Link>],
    ["Last seen", ({ agent }) => <TimeAgo at={agent.last_active_at} />],
  ];
  return (
    <section className="card pan" aria-label="Compare agents" style={{ margin: "0 18px 14px" }}>
      <h2>Compare agents<span className="r"><button type="button" className="btn s g" onClick={onClose}>Close</button></span></h2>
      <div style={{ overflowX: "auto", position: "relative" }} tabIndex={0} role="group" aria-label="The agents">
        <table className="cmp">
          <thead><tr><th scope="col"><span className="sr">What</span></th><th scope="col">{pick(0, a)}</th><th scope="col">{pick(1, b)}</th><th scope="col"><span className="sr">Difference</span></th></tr></thead>
          <tbody>
            {cells.map(([label, cell]) => <tr key={label}><th scope="row">{label}</th><td>{cell(a)}</td><td>{cell(b)}</td><td /></tr>)}
            {comparedOf(a.agent, b.agent).map((row) => <Row key={row.label} row={row} />)}
            <tr><th scope="row">Models used</th>{usage.map((used, index) => (
              <td key={index}>{used === undefined ? "…" : used.models.length === 0 ? "–" : used.models.map((one) => <div key={`${one.provider} ${one.model}`} title={`${exactCost(one.cost_usd, one.unpriced_calls)}; ${splitOf(one.tokens)}`}>{one.model}, {cost(one.cost_usd, one.unpriced_calls)}, {compact(one.tokens.input_tokens + one.tokens.output_tokens + one.tokens.cache_read_tokens + one.tokens.cache_write_tokens)} tokens</div>)}</td>
            ))}<td /></tr>
          </tbody>
        </table>
      </div>
      <p className="note" style={{ padding: 8 }}>Of each agent's newest 200 tasks.</p>
    </section>
  );
}

const SHOWN: Record<Compared["kind"], (value: number) => string> = { share: percent, money: (value) => cost(value), seconds: duration, count };

function Row({ row }: { row: Compared }) {
  const shown = (value: number | null) => (value === null ? "–" : SHOWN[row.kind](value));
  return (
    <tr className={row.a === row.b ? undefined : "differs"}>
      <th scope="row">{row.label}</th><td className="num" title={row.kind === "money" && row.a !== null ? exactCost(row.a) : undefined}>{shown(row.a)}</td><td className="num" title={row.kind === "money" && row.b !== null ? exactCost(row.b) : undefined}>{shown(row.b)}</td><td className="num mut" style={{ whiteSpace: "nowrap" }}>{row.change}</td>
    </tr>
  );
}
