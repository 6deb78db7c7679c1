import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { memo } from "react";
import { Link } from "react-router";
import { answer, api } from "@/api/client";
import { pendingApprovals, problems, stuck, toReview } from "@/api/queries";
import type { Approval, Overview, TaskRow } from "@/api/types";
import { AgentName } from "@/components/AgentName";
import { decide } from "@/components/decision/DecisionCard";
import { PermissionButtons } from "@/components/decision/PermissionButtons";
import { RiskWord } from "@/components/decision/RiskWord";
import { Timer } from "@/components/decision/Timer";
import { visible } from "@/lib/visible";
import { StateGlyph } from "@/components/StateGlyph";
import { TimeAgo } from "@/components/TimeAgo";
import { say, sayFailed } from "@/components/toasts";
import { plural } from "@/lib/format";
import { seenTask } from "@/lib/states";

const CARDS = 4;

/** What blocks on a person, the soonest timeout first, then what failed for good. */
export const NeedsYou = memo(function NeedsYou({ overview }: { overview: Overview | undefined }) {
  const asked = useQuery(pendingApprovals);
  const broke = useQuery(problems);
  const behind = useQuery(stuck);
  const ended = useQuery(toReview);
  const approvals = asked.data?.items ?? [];
  const failed = broke.data?.items ?? [];
  const vain = behind.data?.items ?? [];
  const results = ended.data?.items ?? [];
  const coming = [asked, broke, behind, ended].some((one) => one.isPending);
  const waiting = overview?.waiting ?? approvals.length + results.length;
  const broken = overview ? overview.problems + overview.stuck : failed.length + vain.length;
  const sorted = [...approvals].sort((a, b) => (a.expires_at ?? "9").localeCompare(b.expires_at ?? "9") || a.created_at.localeCompare(b.created_at));
  const cards = [
    ...sorted.map((approval) => <AskCard key={approval.id} approval={approval} />),
    ...results.map((task) => <ReviewCard key={task.id} task={task} />),
    ...failed.map((task) => <ProblemCard key={task.id} task={task} />),
    ...vain.map((task) => <StuckCard key={task.id} task={task} />),
  ];
  const more = waiting + broken - Math.min(cards.length, CARDS);
  if (waiting + broken === 0) {
    return <><h2 className="sec">Needs you</h2><p className="quiet"><StateGlyph state="succeeded" size={13} label="" />Nothing needs you.</p></>;
  }
  return (
    <section aria-labelledby="needs">
      <h2 className="sec" id="needs">
        Needs you <span className="mut num">{waiting > 0 ? `${waiting}${broken > 0 ? `, and ${plural(broken, "problem")}` : ""}` : plural(broken, "problem")}</span>
        <span style={{ marginLeft: "auto" }} className="mut">{more > 0 ? <Link to="/inbox" className="text-accent-text">and {more} more</Link> : sorted.some((one) => one.expires_at) ? "Soonest timeout first" : null}</span>
      </h2>
      <div className="att">{coming ? Array.from({ length: Math.min(waiting + broken, CARDS) }, (_, place) => <Coming key={place} />) : cards.slice(0, CARDS)}</div>
    </section>
  );
});

/** A card that is on its way, as high as it will be. */
function Coming() {
  return <div className="ac card" aria-hidden="true"><div className="h">\u00a0</div><div className="sk" style={{ margin: "4px 0", width: "70%" }} /><div className="sk" style={{ margin: "3px 0", width: "50%" }} /><div className="b"><span className="btn s" style={{ visibility: "hidden" }}>Open</span></div></div>;
}

function AskCard({ approval }: { approval: Approval }) {
  const question = approval.kind === "question";
  return (
    <article className="ac card" aria-label={approval.title} tabIndex={-1} onKeyDown={decide}>
      <div className="h">
        <StateGlyph state="waiting" />
        <span>{question ? "Question" : approval.document.command ? "Approve command" : "Approve"}</span>
        {approval.expires_at ? <Timer approval={approval} /> : <span className="t"><TimeAgo at={approval.created_at} /></span>}
      </div>
      <h3 className="cut">{visible(approval.title)}</h3>
      <p className="cut">{approval.risk ? <><RiskWord risk={approval.risk} /> · </> : null}<AgentName id={approval.agent_id} /> · {approval.task}</p>
      {question ? (
        <div className="b">
          <Link className="btn s p" to={`/inbox/${approval.id}`}>Answer</Link>
          <Link className="btn s g" to={`/tasks/${approval.task_id}`}>Open task</Link>
        </div>
      ) : (
        <PermissionButtons approval={approval} small before={<Link className="btn s" to={`/inbox/${approval.id}`}>Review</Link>} />
      )}
    </article>
  );
}

function ReviewCard({ task }: { task: TaskRow }) {
  return (
    <article className="ac card" aria-label={task.title}>
      <div className="h"><StateGlyph state="waiting" label="" /><span>Review changes</span>{task.finished_at ? <span className="t"><TimeAgo at={task.finished_at} /></span> : null}</div>
      <h3 className="cut">{visible(task.title)}</h3>
      <p className="cut"><AgentName id={task.agent_id} /> · {task.queue}</p>
      <div className="b"><Link className="btn s p" to={`/tasks/${task.id}/changes`}>Review diff</Link><Link className="btn s g" to={`/tasks/${task.id}`}>Open task</Link></div>
    </article>
  );
}

function StuckCard({ task }: { task: TaskRow }) {
  return (
    <article className="ac card" aria-label={task.title}>
      <div className="h"><StateGlyph state="queued" label="" /><span>Waits in vain</span><span className="t"><TimeAgo at={task.created_at} /></span></div>
      <h3 className="cut">{task.title}</h3>
      <p className="cut">{task.waiting?.message}</p>
      <div className="b"><Link className="btn s" to={`/inbox/${task.id}`}>Decide</Link><Link className="btn s g" to={`/tasks/${task.id}`}>Open task</Link></div>
    </article>
  );
}

function ProblemCard({ task }: { task: TaskRow }) {
  const queries = useQueryClient();
  const done = { onSettled: () => void queries.invalidateQueries() };
  const path = { params: { path: { task_id: task.id } } };
  const rerun = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/tasks/{task_id}/requeue", { ...path, body: { reason: "" } })),
    onSuccess: () => say("Queued again"),
    onError: (error) => sayFailed("Not queued again", error),
    ...done,
  });
  const unarchive = () => void answer(api.POST("/api/v1/tasks/{task_id}/unarchive", path)).then(() => queries.invalidateQueries(), (error) => sayFailed("Not brought back", error));
  const dismiss = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/tasks/{task_id}/archive", { ...path, body: { reason: "" } })),
    onSuccess: () => say("Archived", { label: "Undo", run: unarchive }),
    onError: (error) => sayFailed("Not archived", error),
    ...done,
  });
  const word = seenTask(task, false).word;
  return (
    <article className="ac card" aria-label={task.title}>
      <div className="h"><StateGlyph state="failed" label="" /><span>{word}{task.attempts > 1 ? `, tried ${task.attempts} times` : ""}</span>{task.finished_at ? <span className="t"><TimeAgo at={task.finished_at} /></span> : null}</div>
      <h3 className="cut">{task.title}</h3>
      <p className="cut">{task.blocks > 0 ? <><Link className="link" to={`/tasks?state=open&depends_on=${task.id}`}>blocks {plural(task.blocks, "task")}</Link> · </> : null}{visible(task.error ?? "It did not say why.")}</p>
      <div className="b">
        <Link className="btn s" to={`/tasks/${task.id}`}>See why</Link>
        <button type="button" className="btn s" disabled={rerun.isPending} onClick={() => rerun.mutate()}>Re-run</button>
        <button type="button" className="btn s g" disabled={dismiss.isPending} onClick={() => dismiss.mutate()}>Dismiss</button>
      </div>
    </article>
  );
}
