import type { Approval } from "@/api/types";
import { DecisionCard } from "@/components/decision/DecisionCard";
import { EmptyState } from "@/components/States";

export default function ApprovalsTab({ approvals }: { approvals: Approval[] }) {
  if (approvals.length === 0) return <EmptyState title="Nothing was asked">Every request of its agents for leave or for an answer stays here, with who answered it.</EmptyState>;
  return <div style={{ display: "flex", flexDirection: "column", gap: 10, maxWidth: 720 }}>{approvals.map((approval) => <DecisionCard key={approval.id} approval={approval} full level={2} />)}</div>;
}
