import { type KeyboardEvent, lazy, Suspense } from "react";
import type { Approval } from "@/api/types";
import { cx } from "@/lib/cx";
import { visible } from "@/lib/visible";
import { useOnline } from "@/live/live";
import { Onlookers } from "../Onlookers";
import { StateGlyph } from "../StateGlyph";
import { Before, Facts } from "./Facts";
import { Outcome } from "./Outcome";
import { PermissionButtons } from "./PermissionButtons";
import { QuestionForm } from "./QuestionForm";
import { RiskWord } from "./RiskWord";
import { Timer } from "./Timer";
import { text } from "./useAnswer";
import { heading, sentence } from "./words";

// Few requests have one, and most pages show requests.
const DiffLines = lazy(() => import("../diff/DiffLines").then((module) => ({ default: module.DiffLines })));

/** A request of an agent with everything needed to decide it: the only way in which one is shown. */
export function DecisionCard({ approval, full = false, level = 3 }: { approval: Approval; full?: boolean; level?: 2 | 3 }) {
  const online = useOnline();
  const open = approval.state === "pending";
  const Heading = level === 2 ? "h2" : "h3";
  return (
    <section className={cx("ap", !open && "settled")} aria-label={`${heading(approval)}: ${approval.title}`} tabIndex={-1} onKeyDown={decide}>
      <div className="h">
        <StateGlyph state={open ? "waiting" : approval.outcome === "approved" || approval.outcome === "answered" ? "succeeded" : "cancelled"} size={13} label="" />
        <span>{heading(approval)}</span>
        {approval.risk ? <RiskWord risk={approval.risk} /> : null}
        <Onlookers item={approval.id} within={approval.task_id} />
        {open ? <Timer approval={approval} /> : null}
      </div>
      <Heading>{visible(approval.title)}</Heading>
      <p className="dc-say">{visible(sentence(approval))}</p>
      <What approval={approval} />
      {full ? <Facts approval={approval} /> : null}
      {full ? <Before approval={approval} /> : null}
      {!open ? <Outcome approval={approval} /> : !online ? (
        <p style={{ marginTop: 8 }}>Not connected: an answer would not reach the server.</p>
      ) : approval.kind === "question" ? <QuestionForm approval={approval} /> : <PermissionButtons approval={approval} />}
    </section>
  );
}

const KEYS: Record<string, string> = { a: "approve", q: "ask", d: "reject" };

/** `a`, `q` and `d` decide while the card has the focus; never while somebody types. */
export function decide(event: KeyboardEvent<HTMLElement>): void {
  const what = KEYS[event.key];
  if (!what || event.ctrlKey || event.metaKey || event.altKey || (event.target as Element).closest("input, textarea, select, dialog, .menu")) return;
  const button = event.currentTarget.querySelector<HTMLButtonElement>(`[data-decide="${what}"]`);
  if (!button) return;
  event.preventDefault();
  button.click();
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
      {command ? <pre aria-label="Exact command" tabIndex={0}>{visible(command)}</pre> : null}
      {diff ? <div className="dc-diff"><Suspense fallback={<pre>{visible(diff)}</pre>}><DiffLines diff={diff} /></Suspense></div> : null}
      {!command && !diff && input ? <pre aria-label="Exact input" tabIndex={0}>{visible(JSON.stringify(input, null, 2))}</pre> : null}
    </>
  );
}
