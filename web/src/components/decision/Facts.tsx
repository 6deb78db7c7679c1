import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Link } from "react-router";
import type { Approval } from "@/api/types";
import { shortId } from "@/lib/format";
import { visible } from "@/lib/visible";
import { TimeAgo } from "../TimeAgo";
import { approvalDetail } from "./detail";
import { text } from "./useAnswer";
import { network, onTimeout, RULES } from "./words";

/** Where it would happen, why it is asked, what happens on timeout, who may answer. */
export function Facts({ approval }: { approval: Approval }) {
  const { place } = approval;
  const rule = place.permissions;
  return (
    <dl className="why">
      {place.machine ? <Fact name="Machine">{place.machine}</Fact> : null}
      {place.directory ? <Fact name="Directory"><span className="mono">{visible(place.directory)}</span></Fact> : null}
      <Fact name="Sandbox">{place.sandbox ? <span className="mono">{place.sandbox}</span> : "not known: nobody told of one"}</Fact>
      <Fact name="Network">{network(place)}</Fact>
      {text(approval.document.tool) ? <Fact name="Tool"><span className="mono">{visible(text(approval.document.tool))}</span></Fact> : null}
      <Fact name="Task"><Link className="link" to={`/tasks/${approval.task_id}`}>{approval.task}</Link>, asked <TimeAgo at={approval.created_at} /></Fact>
      {approval.kind === "permission" ? (
        <Fact name="Why it is asked">
          {rule ? <>{place.rule_from ? <Link className="link" to={`/agents/roles/${encodeURIComponent(place.rule_from)}`}>Role {place.rule_from}</Link> : <Link className="link" to={`/tasks/${approval.task_id}`}>Its task</Link>}: {RULES[rule]}</> : "Its program asks for this by itself"}
        </Fact>
      ) : null}
      {approval.state === "pending" ? <Fact name="If nobody answers">{onTimeout(approval)}</Fact> : null}
      {approval.state === "pending" ? <Fact name="Who may answer">Everybody who can open this page; the first answer counts</Fact> : null}
      <Fact name="Request"><span className="mono">{shortId(approval.id)}</span></Fact>
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return <><dt>{name}</dt><dd>{children}</dd></>;
}

/** What came before: an allowance that does not hold any more, a question that was asked back, its agent's own reason. */
export function Before({ approval }: { approval: Approval }) {
  const { data } = useQuery(approvalDetail(approval.id));
  if (!data) return null;
  const { voided } = data;
  return (
    <>
      {voided ? (
        <p className="dc-void" role="note">
          {voided.outcome === "approved" ? <>{voided.answered_by ?? "Somebody"} approved <code>{visible(voided.subject.slice(0, 200))}</code>{voided.finished_at ? <> <TimeAgo at={voided.finished_at} /></> : null}. That does not hold: its agent changed the request since.</> : <>Its agent changed this request while it waited. Before, it was <code>{visible(voided.subject.slice(0, 200))}</code>.</>}
        </p>
      ) : null}
      {data.question ? <p className="dc-void" role="note">{data.question_by || "Somebody"} asked back: “{visible(data.question)}”{data.reason ? <> Its agent: “{visible(data.reason.slice(0, 600))}”</> : null}</p> : null}
      {data.reason ? <details className="dc-reason"><summary>Its agent’s own reason</summary><p>{visible(data.reason)}</p></details> : null}
    </>
  );
}
