import type { Project } from "@/api/types";
import { cost, dollars } from "@/lib/format";

/** What was spent and what is reserved of what was given. */
export function CapitalBar({ project }: { project: Project }) {
  const { allocated_usd: given, spent_usd: spent, reserved_usd: reserved } = project;
  if (given === null) return <div className="capital"><span className="num">{cost(spent)} spent</span><span className="mut">no limit</span></div>;
  const share = (amount: number) => `${given > 0 ? Math.min((amount / given) * 100, 100) : amount > 0 ? 100 : 0}%`;
  const over = spent + reserved > given || (given === 0 && spent > 0);
  return (
    <div className="capital" title={`${cost(spent)} spent and ${cost(reserved)} reserved of ${cost(given)}`}>
      <span className="num">{dollars(spent)} / {dollars(given)} spent</span>
      {reserved > 0 ? <span className="mut num">{cost(reserved)} reserved</span> : null}
      <div className="bar" aria-hidden="true"><i style={{ width: share(spent), background: over ? "var(--st-failed-fill)" : "var(--fg)" }} /><i style={{ width: share(reserved), background: "var(--border-strong)" }} /></div>
    </div>
  );
}
