import { Link } from "react-router";
import type { Approval } from "@/api/types";
import { cx } from "@/lib/cx";
import { shortId } from "@/lib/format";
import { useOnline } from "@/live/live";
import { visible } from "@/lib/visible";
import { StateGlyph } from "../StateGlyph";
import { Countdown, TimeAgo } from "../TimeAgo";
import { DiffLines } from "../diff/DiffLines";
import { PermissionButtons } from "./PermissionButtons";
import { QuestionForm } from "./QuestionForm";
import { text } from "./useAnswer";

/** A request of an agent with everything needed to decide it: the only way in which one is shown. */
export function DecisionCard({ approval, full = false, level = 3 }: { approval: Approval; full?: boolean; level?: 2 | 3 }) {
  const online = useOnline();
  const open = approval.state === "pending";
  const Heading = level === 2 ? "h2" : "h3";
  return (
    <div className={cx("ap", !open && "over")}>
      <div className="h">
        <StateGlyph state={open ? "waiting" : "succeeded"} size={13} label="" />
        <span>{heading(approval)}</span>
        {open && approval.expires_at ? <Countdown until={approval.expires_at} /> : null}
      </div>
      <Heading>{visible(approval.title)}</Heading>
      <What approval={approval} />
      {full ? <Where approval={approval} /> : null}
      {!open ? <Outcome approval={approval} /> : !online ? (
        <p style={{ marginTop: 8 }}>Not connected: an answer would not reach the server.</p>
      ) : approval.kind === "question" ? <QuestionForm approval={approval} /> : <PermissionButtons approval={approval} />}
    </div>
  );
}

function heading(approval: Approval): string {
  if (approval.state === "expired") return "Expired";
  if (approval.state === "withdrawn") return "Withdrawn";
  if (approval.kind === "question") return approval.state === "answered" ? "Answered" : "Question";
  if (approval.state === "answered") return text(approval.answer?.kind).startsWith("reject") ? "Rejected" : "Allowed";
  return text(approval.document.command) ? "Approve command" : text(approval.document.diff) ? "Approve changes" : "Approve use of a tool";
}

function What({ approval }: { approval: Approval }) {
  const { document } = approval;
  const command = text(document.command);
  const diff = text(document.diff);
  const words = text(document.text);
  const input = document.input && Object.keys(document.input as object).length > 0 ? document.input : null;
  return (
    <>
      {words && words !== approval.title ? <p>{visible(words)}</p> : null}
      {command ? <pre aria-label="Exact command">{visible(command)}</pre> : null}
      {diff ? <div style={{ margin: "8px 0", maxHeight: 320, overflow: "auto", border: "1px solid var(--border)", borderRadius: 5 }}><DiffLines diff={diff} /></div> : null}
      {!command && !diff && input ? <pre aria-label="Exact input">{visible(JSON.stringify(input, null, 2))}</pre> : null}
    </>
  );
}

function Where({ approval }: { approval: Approval }) {
  return (
    <div className="why">
      <span>Asks</span><span>{approval.agent ?? approval.agent_id}, <TimeAgo at={approval.created_at} /></span>
      <span>Task</span><span><Link to={`/tasks/${approval.task_id}`} style={{ textDecoration: "underline" }}>{approval.task}</Link></span>
      {text(approval.document.tool) ? <><span>Tool</span><span className="mono">{text(approval.document.tool)}</span></> : null}
      {approval.state === "pending" ? (
        <><span>If nobody answers</span><span>{approval.expires_at ? "It expires: the agent is told so and goes on without." : "It waits as long as it takes."}</span></>
      ) : null}
      <span>Request</span><span className="mono">{shortId(approval.id)}</span>
    </div>
  );
}

function Outcome({ approval }: { approval: Approval }) {
  const given = text(approval.answer?.text);
  const scope = text(approval.answer?.scope);
  return (
    <p style={{ marginTop: 8 }}>
      {approval.state === "expired" ? "Nobody answered in time; the agent was told so. " : approval.state === "withdrawn" ? "Its agent went on or ended before anybody answered. " : `By ${approval.answered_by ?? "somebody"} `}
      {approval.finished_at ? <TimeAgo at={approval.finished_at} /> : null}
      {scope && scope !== "once" ? `, allowed for this ${scope === "everywhere" ? "everywhere" : scope} from then on` : null}
      {given ? <>: “{visible(given)}”</> : null}
    </p>
  );
}
