import { useQueryClient } from "@tanstack/react-query";
import type { Approval } from "@/api/types";
import { hold, UNDO_MANY_MS } from "@/components/decision/held";
import { plural } from "@/lib/format";
import { useOnline } from "@/live/live";

/** A bar at the bottom for what is selected; all of it is of low risk. */
export function Bulk({ approvals, onClear }: { approvals: Approval[]; onClear: () => void }) {
  const queries = useQueryClient();
  const online = useOnline();
  if (approvals.length === 0) return null;
  return (
    <div className="ib-bulk" role="region" aria-label="Selected">
      <span>{plural(approvals.length, "request")} of low risk selected</span>
      <button type="button" className="btn p" disabled={!online} onClick={() => { hold(approvals, { verdict: "allow" }, queries, UNDO_MANY_MS); onClear(); }}>Approve {approvals.length}</button>
      <button type="button" className="btn g" onClick={onClear}>Clear</button>
    </div>
  );
}
