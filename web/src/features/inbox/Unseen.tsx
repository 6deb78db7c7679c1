import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { overview, setAside, unseen } from "@/api/queries";
import { useAgentName } from "@/components/AgentName";
import { StateGlyph } from "@/components/StateGlyph";
import { TimeAgo } from "@/components/TimeAgo";
import { useAct } from "@/components/useAct";
import { cost } from "@/lib/format";
import { visible } from "@/lib/visible";
import { useOnline } from "@/live/live";

/** Work that is done and that nobody looked at: it waits for nobody, so it comes last. */
export function Unseen() {
  const online = useOnline();
  const name = useAgentName();
  const rows = useQuery(unseen).data?.items ?? [];
  const all = useQuery(overview).data?.unseen ?? rows.length;
  const aside = useAct(setAside, { failed: "Not set aside", said: "Set aside; its branch stays" });
  if (rows.length === 0) return null;
  return (
    <section className="card pan rv-inbox" aria-label="Finished, not looked at">
      <h2>Finished, not looked at<Link to="/tasks?state=review" className="num" aria-label={`${all} finished, not looked at`}>{all}</Link></h2>
      {rows.map((task) => (
        <div key={task.id} className="ib-item ib-seen">
          <Link className="ib-row" to={`/tasks/${task.id}/changes`}>
            <StateGlyph state="succeeded" />
            <b className="cut">{visible(task.title)}</b>
            <span className="t">{task.finished_at ? <TimeAgo at={task.finished_at} /> : null}</span>
            <span className="m2 cut">{name(task.agent_id)} · {task.project} · {cost(task.actual_cost_usd)}</span>
          </Link>
          <button type="button" className="btn s g" disabled={!online || aside.isPending} aria-label={`Set aside ${visible(task.title)}`} onClick={() => aside.mutate(task.id)}>Set aside</button>
        </div>
      ))}
      {all > rows.length ? <Link className="ib-row" to="/tasks?state=review"><span /><span className="text-accent-text">All of them</span></Link> : null}
    </section>
  );
}
