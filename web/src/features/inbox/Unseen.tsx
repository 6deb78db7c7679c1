import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { overview, unseen } from "@/api/queries";
import { useAgentName } from "@/components/AgentName";
import { type Result, setAllAside } from "@/components/aside";
import { AsideBar } from "@/components/AsideBar";
import { StateGlyph } from "@/components/StateGlyph";
import { TimeAgo } from "@/components/TimeAgo";
import { sayFailed } from "@/components/toasts";
import { useChoosing } from "@/components/useChoosing";
import { cost } from "@/lib/format";
import { visible } from "@/lib/visible";
import { useOnline } from "@/live/live";

/** Work that is done and that nobody looked at: it waits for nobody, so it comes last. */
export function Unseen() {
  const online = useOnline();
  const queries = useQueryClient();
  const name = useAgentName();
  const rows = useQuery(unseen).data?.items ?? [];
  // The figure may be older than the list.
  const all = Math.max(useQuery(overview).data?.unseen ?? 0, rows.length);
  const choosing = useChoosing(rows.map((row) => row.id));
  const [busy, setBusy] = useState<string | null>(null);
  if (rows.length === 0) return null;
  const aside = async (row: Result) => {
    setBusy(row.id);
    for (const { why } of await setAllAside([row], queries)) sayFailed("Not set aside", why);
    setBusy(null);
  };
  return (
    <>
      <section className="card pan rv-inbox" aria-label="Finished, not looked at" onKeyDown={choosing.onKeyDown}>
        <h2>Finished, not looked at<Link to="/tasks?state=review" className="num" aria-label={`${all} finished, not looked at`}>{all}</Link></h2>
        {rows.map((task) => (
          <div key={task.id} className="ib-item ib-seen" data-row={task.id}>
            <input type="checkbox" className="ib-check" checked={choosing.isChosen(task.id)} onChange={(event) => choosing.toggle(task.id, (event.nativeEvent as MouseEvent).shiftKey)} aria-label={`Select ${visible(task.title)}`} />
            <Link className="ib-row" to={`/tasks/${task.id}/changes`}>
              <StateGlyph state="succeeded" />
              <b className="cut">{visible(task.title)}</b>
              <span className="t">{task.finished_at ? <TimeAgo at={task.finished_at} /> : null}</span>
              <span className="m2 cut">{name(task.agent_id)} · {task.project} · {cost(task.actual_cost_usd)}</span>
            </Link>
            <button type="button" className="btn s g" disabled={!online || busy === task.id} aria-label={`Set aside ${visible(task.title)}`} onClick={() => void aside(task)}>Set aside</button>
          </div>
        ))}
        {all > rows.length ? <Link className="ib-row" to="/tasks?state=review"><span /><span className="text-accent-text">All of them</span></Link> : null}
      </section>
      <AsideBar rows={rows.filter((row) => choosing.chosen.includes(row.id))} onClear={choosing.clear} />
    </>
  );
}
