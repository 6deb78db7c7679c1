import { Link } from "react-router";
import type { Attempt, Task } from "@/api/types";
import { AgentName } from "@/components/AgentName";
import { Cost } from "@/components/Cost";
import { StateGlyph } from "@/components/StateGlyph";
import { Elapsed, TimeAgo } from "@/components/TimeAgo";
import { plural } from "@/lib/format";
import { seenAttempt } from "@/lib/states";
import { visible } from "@/lib/visible";
import { whyOf } from "./Attempts";

/** Each attempt with why it ended and its own output. */
export default function AttemptList({ task, attempts }: { task: Task; attempts: Attempt[] }) {
  if (attempts.length < 2) return null;
  const [one, two] = attempts.slice(-2);
  return (
    <section className="card pan" aria-label="Attempts">
      <h2>Attempts<span className="r"><Link className="btn s" to={`/tasks/${task.id}/compare?a=${one!.number}&b=${two!.number}`}>Compare</Link></span></h2>
      <ol className="own atts">
        {attempts.map((attempt) => (
          <li key={attempt.id}>
            <StateGlyph state={seenAttempt(attempt.state).state} label={seenAttempt(attempt.state).word} />
            <Link to={`/tasks/${task.id}?attempt=${attempt.number}`}>Attempt {attempt.number}</Link>
            <span className="sub cut">{attempt.run?.agent ?? <AgentName id={attempt.agent_id} />}</span>
            <span className="cut" title={visible(attempt.error ?? "")}>{visible(whyOf(attempt))}</span>
            <span className="num mut"><TimeAgo at={attempt.claimed_at} />, <Elapsed since={attempt.claimed_at} until={attempt.finished_at} />, <Cost value={attempt.run?.cost_usd ?? attempt.cost_usd} unpriced={attempt.run?.unpriced_calls} /></span>
            <Link className="num" to={`/tasks/${task.id}/output?attempt=${attempt.number}`}>{plural(attempt.lines, "line")}</Link>
          </li>
        ))}
      </ol>
    </section>
  );
}
