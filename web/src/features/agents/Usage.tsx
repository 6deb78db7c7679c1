import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import type { Agent, AgentUsage } from "@/api/types";
import { Cost, splitOf } from "@/components/Cost";
import { StateGlyph } from "@/components/StateGlyph";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { TimeAgo } from "@/components/TimeAgo";
import { compact, cost, count, plural } from "@/lib/format";
import type { Shown } from "@/lib/states";
import { usageOf } from "./queries";

type Tokens = AgentUsage["models"][number]["tokens"];

function all(tokens: Tokens): number {
  return tokens.input_tokens + tokens.output_tokens + tokens.cache_read_tokens + tokens.cache_write_tokens;
}

const STATES: Record<string, Shown> = { running: "running", succeeded: "succeeded", failed: "failed", cancelled: "cancelled" };

/** What an agent used for its newest tasks, by model and by task. */
export function Usage({ agent }: { agent: Agent }) {
  const { data, error, refetch } = useQuery(usageOf(agent.id));
  if (error && !data) return <ErrorState what="The usage could not be loaded" error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton rows={8} />;
  if (data.tasks.length === 0) return <EmptyState title="Nothing used yet">Tokens and cost of its tasks are shown here, by model and by task.</EmptyState>;
  const total = data.tasks.reduce((sum, use) => sum + use.cost_usd, 0);
  const tokens = data.tasks.reduce((sum, use) => sum + all(use.tokens), 0);
  const unpriced = data.tasks.reduce((sum, use) => sum + use.unpriced_calls, 0);
  return (
    <>
      <p className="sub" style={{ fontSize: 13 }}>
        {cost(total, unpriced)} and {compact(tokens)} tokens for {data.more ? `its newest ${data.looked_at} tasks; it has older ones` : plural(data.looked_at, "task")}.
        {unpriced > 0 && total > 0 ? ` ${plural(unpriced, "call")} more have no price.` : ""}
        {data.unmetered_cost_usd > 0 ? ` ${cost(data.unmetered_cost_usd)} of it is what agents said themselves; no call was metered for it.` : ""}
      </p>
      <section className="card pan" style={{ overflow: "hidden" }}>
        <h2>By model <span className="mut num">{data.models.length}</span></h2>
        {data.models.length === 0 ? <p className="pr">No call to a model was metered.</p> : (
          <table className="tbl" aria-label="Usage by model">
            <colgroup><col /><col style={{ width: 90 }} /><col style={{ width: 100 }} /><col style={{ width: 110 }} /></colgroup>
            <thead><tr><th scope="col">Model</th><th scope="col" className="r">Calls</th><th scope="col" className="r">Tokens</th><th scope="col" className="r">Cost</th></tr></thead>
            <tbody>
              {data.models.map((use) => (
                <tr key={`${use.provider} ${use.model}`}>
                  <td>{use.model} <span className="mut">{use.provider}</span></td><td className="r num">{count(use.calls)}</td><td className="r num" title={splitOf(use.tokens)}>{compact(all(use.tokens))}</td><td className="r num"><Cost value={use.cost_usd} unpriced={use.unpriced_calls} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      <section className="card pan" style={{ overflow: "hidden" }}>
        <h2>By task <span className="mut num">{data.tasks.length}</span></h2>
        <table className="tbl" aria-label="Usage by task">
          <colgroup><col /><col className="low2" style={{ width: 130 }} /><col className="low2" style={{ width: 80 }} /><col style={{ width: 80 }} /><col style={{ width: 90 }} /></colgroup>
          <thead><tr><th scope="col">Task</th><th scope="col" className="r low2">Begun</th><th scope="col" className="r low2">Calls</th><th scope="col" className="r">Tokens</th><th scope="col" className="r">Cost</th></tr></thead>
          <tbody>
            {data.tasks.map((use) => (
              <tr key={use.task_id}>
                <td><Link to={`/tasks/${use.task_id}`} className="ag" style={{ gap: 7 }}><StateGlyph state={STATES[use.state] ?? "queued"} /><span className="cut">{use.title}</span></Link></td>
                <td className="r num sub low2"><TimeAgo at={use.claimed_at} /></td><td className="r num low2">{count(use.calls)}</td><td className="r num" title={splitOf(use.tokens)}>{compact(all(use.tokens))}</td><td className="r num"><Cost value={use.cost_usd} unpriced={use.unpriced_calls} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}
