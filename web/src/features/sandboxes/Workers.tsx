import type { Worker } from "@/api/types";
import { StateGlyph } from "@/components/StateGlyph";
import { TimeAgo } from "@/components/TimeAgo";
import { count } from "@/lib/format";
import { poolOf } from "./machines";

/** The processes that claim and run, with what each offers. */
export function Workers({ workers }: { workers: Worker[] }) {
  return (
    <section aria-labelledby="workers">
      <h2 className="sec" id="workers">Workers <span className="mut num">{count(workers.length)}</span></h2>
      <div className="tblw card">
        <table className="tbl two" aria-label="Workers">
          <thead>
            <tr>
              <th scope="col" style={{ width: "20%" }}>Worker</th><th scope="col" style={{ width: "13%" }}>Machine</th><th scope="col" style={{ width: 84 }} className="low2">Version</th><th scope="col" className="r" style={{ width: 100 }}>Busy</th>
              <th scope="col" className="r low2" style={{ width: 110 }}>Load</th><th scope="col" style={{ width: 110 }} className="low1">Level</th><th scope="col" style={{ width: 140 }} className="low1">Kept ready</th><th scope="col" className="low1">Labels</th><th scope="col" className="r" style={{ width: 112 }}>Last seen</th>
            </tr>
          </thead>
          <tbody>{workers.map((worker) => <Row key={worker.id} worker={worker} />)}</tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ worker }: { worker: Worker }) {
  const { facts } = worker;
  const labels = worker.capabilities.filter((label) => !label.includes(":"));
  const agents = (facts.agents ?? []).map((agent) => agent.name);
  const pool = poolOf(worker);
  const offers = [...labels, ...agents].join(", ");
  return (
    <tr className="row plain">
      <td className="main-cell"><div className="ag"><StateGlyph state={worker.left_at ? "cancelled" : worker.live ? "idle" : "stale"} label={worker.left_at ? "Left" : worker.live ? "There" : "Silent"} /><b className="cut" title={worker.id}>{worker.id}</b></div></td>
      <td className="sub second">{worker.host ?? <span className="mut">unknown</span>}</td>
      <td className="sub low2">{worker.version ?? "—"}</td>
      <td className="r num fact">{worker.running} of {worker.capacity}</td>
      <td className="r num sub low2">{facts.load != null && facts.processors ? `${facts.load.toFixed(1)} on ${facts.processors}` : "—"}</td>
      <td className="sub low1">{worker.sandbox ?? "—"}</td>
      <td className="num sub low1" title={pool?.title}>{pool?.words ?? <span className="mut">none</span>}</td>
      <td className="sub low1" title={offers}>{offers || <span className="mut">none</span>}</td>
      <td className="r sub"><TimeAgo at={worker.last_seen_at} /></td>
    </tr>
  );
}
