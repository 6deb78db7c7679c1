import { useState } from "react";
import type { Approval } from "@/api/types";
import { visible } from "@/lib/visible";
import { Dialog } from "../Dialog";
import { exactly, rule, type Scope } from "./rule";

interface AssentProps {
  approval: Approval;
  scope: Scope;
  onApprove: () => void;
  onClose: () => void;
}

/** What is of high risk, or becomes a rule, is looked at once more; high risk wants the name of what it hits. */
export function Assent({ approval, scope, onApprove, onClose }: AssentProps) {
  const [typed, setTyped] = useState("");
  const risk = approval.risk;
  const high = risk?.level === "high";
  const target = risk?.target ?? "";
  const ready = !high || typed.trim() === target;
  return (
    <Dialog title={high ? `Approve what ${risk?.reasons[0] ?? "is risky"}?` : "Approve, and write this rule?"} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); if (ready) onApprove(); }}>
        <pre className="dc-exact" aria-label="What would be approved" tabIndex={0}>{visible(exactly(approval))}</pre>
        {scope === "once" ? null : <p className="dc-rule"><b>Rule:</b> {rule(approval, scope)}</p>}
        {high ? (
          <label className="field">
            <span>This hits <b className="mono">{visible(target)}</b>. Type it to approve.</span>
            <input className="inp mono" value={typed} onChange={(event) => setTyped(event.target.value)} autoComplete="off" spellCheck={false} data-first="" aria-label={`Type ${target} to approve`} />
          </label>
        ) : null}
        <div className="b">
          <button type="button" className="btn" onClick={onClose}>Back</button>
          <button type="submit" className={high ? "btn x" : "btn p"} disabled={!ready}>{scope === "once" ? "Approve once" : "Approve and write the rule"}</button>
        </div>
      </form>
    </Dialog>
  );
}
