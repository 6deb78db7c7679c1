import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import type { Task } from "@/api/types";
import { AgentName } from "@/components/AgentName";
import { StateGlyph } from "@/components/StateGlyph";
import { cost, plural } from "@/lib/format";
import { seenTask } from "@/lib/states";
import { visible } from "@/lib/visible";
import { type GraphNode, taskGraph } from "./queries";

/** Which part may change which files, and where two changed the same. */
export default function Ownership({ task }: { task: Task }) {
  const nodes = useQuery(taskGraph(task.id)).data?.nodes.filter((node) => node.owns.length > 0) ?? [];
  if (nodes.length === 0 || (nodes.length === 1 && nodes[0]!.task.id === task.id)) return null;
  const over = nodes.filter((node) => node.task.state === "succeeded" && node.shared.length === 0);
  const fold = over.length > 3;
  const shown = fold ? nodes.filter((node) => !over.includes(node)) : nodes;
  return (
    <section className="card pan" aria-label="Ownership">
      <h2>Ownership<span className="mut">files each part may change</span></h2>
      <ul className="own">{shown.map((node) => <Part key={node.task.id} node={node} />)}</ul>
      {fold ? (
        <details className="fold" style={{ padding: "0 12px 8px" }}>
          <summary>{plural(over.length, "part")} finished, {cost(over.reduce((sum, node) => sum + node.task.actual_cost_usd, 0))}</summary>
          <ul className="own">{over.map((node) => <Part key={node.task.id} node={node} />)}</ul>
        </details>
      ) : null}
    </section>
  );
}

function Part({ node: { task, owns, files, shared } }: { node: GraphNode }) {
  const { state, word } = seenTask(task, false);
  return (
    <li>
      <StateGlyph state={state} label={word} />
      <Link to={`/tasks/${task.id}`} className="cut">{visible(task.title)}</Link>
      <span className="sub cut"><AgentName id={task.agent_id} /></span>
      <span className="mono cut" title={owns.join("\n")}>{visible(owns.join("  "))}</span>
      <Link className="num" to={`/tasks/${task.id}/changes`}>{plural(files, "file")}</Link>
      {shared.length > 0 ? <span className="text-failed twice">Changed by another part too: <span className="mono">{visible(shared.slice(0, 5).join(", "))}</span>{shared.length > 5 ? ` and ${shared.length - 5} more` : ""}</span> : null}
    </li>
  );
}
