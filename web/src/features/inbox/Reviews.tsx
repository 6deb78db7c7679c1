import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { toReview } from "@/api/queries";
import { AgentName } from "@/components/AgentName";
import { StateGlyph } from "@/components/StateGlyph";
import { TimeAgo } from "@/components/TimeAgo";
import { cost } from "@/lib/format";
import { visible } from "@/lib/visible";

/** Results that wait for a person's verdict; each opens its changes. */
export function Reviews() {
  const rows = useQuery(toReview).data?.items ?? [];
  if (rows.length === 0) return null;
  return (
    <section className="card pan rv-inbox" aria-label="Reviews">
      <h2>Reviews<span>{rows.length}</span></h2>
      {rows.map((task) => (
        <Link key={task.id} className="ib-row" to={`/tasks/${task.id}/changes`}>
          <StateGlyph state="waiting" />
          <b className="cut">{visible(task.title)}</b>
          <span className="t">{task.finished_at ? <TimeAgo at={task.finished_at} /> : null}</span>
          <span className="m2 cut"><AgentName id={task.agent_id} /> · review · {task.queue} · {cost(task.actual_cost_usd)}</span>
        </Link>
      ))}
    </section>
  );
}
