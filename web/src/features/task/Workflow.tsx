import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, type ReactNode, useRef, useState } from "react";
import { Link, useSearchParams } from "react-router";
import type { Attempt, Task, TaskRow } from "@/api/types";
import { useAgentName } from "@/components/AgentName";
import { StateGlyph } from "@/components/StateGlyph";
import { Elapsed, Took } from "@/components/TimeAgo";
import { cx } from "@/lib/cx";
import { plural } from "@/lib/format";
import { isWaiting, type Shown, seenAttempt, seenTask, WORDS } from "@/lib/states";
import { usePageWidth } from "@/lib/useWidth";
import { visible } from "@/lib/visible";
import { layout, neighbour, type Placed, type Step } from "./layers";
import { type Graph, taskGraph } from "./queries";

type NameOf = ReturnType<typeof useAgentName>;

interface Box {
  to: string;
  state: Shown;
  name: string;
  by: string;
  time: ReactNode;
  here: boolean;
}

interface WorkflowProps {
  task: Task;
  attempts: Attempt[];
  attempt: Attempt | null;
  pending: boolean;
}

const [WIDTH, HEIGHT, GAP_X, GAP_Y, PAD] = [156, 50, 40, 14, 16];
/** Pixels; where less is there, a list says more than a drawing. */
const SMALL = 560;

/** Where the work stands: what it waits for, its attempts, its parts, and what waits for it. */
export default function Workflow(props: WorkflowProps) {
  const { task, attempts } = props;
  const graph = useQuery(taskGraph(task.id)).data;
  const [search, setSearch] = useSearchParams();
  const small = usePageWidth() < SMALL;
  const list = search.get("graph") === "list" || (small && search.get("graph") !== "drawn");
  const name = useAgentName();
  const { steps, links } = stepsOf(props, graph, name);
  const tasks = graph?.nodes.filter((node) => node.task.id !== task.id) ?? [];
  const ended = tasks.filter(({ task: one }) => !isWaiting(one) && one.state !== "running").length;
  const done = attempts.filter((one) => one.state !== "running").length;
  const show = () => setSearch((before) => { const after = new URLSearchParams(before); after.set("graph", list ? "drawn" : "list"); return after; }, { replace: true });
  return (
    <section className="card pan" aria-label="Workflow">
      <h2>Workflow
        <span className="r">
          <span className="num mut">{tasks.length > 0 ? `${ended} of ${plural(tasks.length, "other task")} ended` : done > 0 ? `${plural(done, "attempt")} ended` : ""}{graph?.more ? "; the first 200 are shown" : ""}</span>
          {steps.length > 1 ? <button type="button" className="btn s" aria-pressed={list} onClick={show}>{list ? "Graph" : "List"}</button> : null}
        </span>
      </h2>
      {list ? <List steps={steps} links={links} /> : <Drawn steps={steps} links={links} onFold={show} />}
    </section>
  );
}

function stepsOf({ task, attempts, attempt, pending }: WorkflowProps, graph: Graph | undefined, nameOf: NameOf): { steps: Step<Box>[]; links: { from: string; to: string }[] } {
  const chain: Step<Box>[] = attempts.map((one) => ({ key: one.id, value: {
    to: `?attempt=${one.number}`, name: `Attempt ${one.number}`, by: one.run?.agent ?? nameOf(one.agent_id), here: attempts.length > 1 && one.id === attempt?.id,
    state: one.state === "running" && pending ? "waiting" : one.paused ? "paused" : seenAttempt(one.state).state, time: <Elapsed since={one.claimed_at} until={one.finished_at} />,
  } }));
  if (isWaiting(task)) chain.push({ key: "next", value: { to: "", state: "queued", name: chain.length > 0 ? `Attempt ${attempts.length + 1}` : "First attempt", by: task.waiting?.message ?? "queued", time: "", here: false } });
  if (chain.length === 0) chain.push({ key: "next", value: { to: "", state: seenTask(task, false).state, name: "Not started", by: "", time: "", here: false } });
  const others: Step<Box>[] = (graph?.nodes ?? []).filter((node) => node.task.id !== task.id).map((node) => ({ key: node.task.id, value: boxOf(node.task, nameOf) }));
  const links = chain.slice(1).map((step, index) => ({ from: chain[index]!.key, to: step.key }));
  for (const { before, after } of graph?.edges ?? []) links.push({ from: before === task.id ? chain.at(-1)!.key : before, to: after === task.id ? chain[0]!.key : after });
  return { steps: [...others, ...chain], links };
}

function boxOf(task: TaskRow, nameOf: NameOf): Box {
  const { state } = seenTask(task, false);
  const time = <Took task={task} none="" />;
  return { to: `/tasks/${task.id}`, state, name: task.title, by: nameOf(task.agent_id) || (task.waiting?.message ?? WORDS[state]), time, here: false };
}

type Parts = { steps: Step<Box>[]; links: { from: string; to: string }[] };

function Drawn({ steps, links, onFold }: Parts & { onFold: () => void }) {
  const made = layout(steps, links);
  const box = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<string | null>(null);
  const first = made.steps.some((step) => step.key === at) ? at : (made.steps.find((step) => step.value.here) ?? made.steps.find((step) => step.key.startsWith("att_")) ?? made.steps[0])?.key;
  const columns = Array.from({ length: made.layers }, (_, layer) => made.steps.filter((step) => step.layer === layer).length);
  const x = (step: Placed<Box>) => PAD + step.layer * (WIDTH + GAP_X);
  const y = (step: Placed<Box>) => PAD + (step.row + (made.rows - columns[step.layer]!) / 2) * (HEIGHT + GAP_Y);
  const pressed = (event: KeyboardEvent) => {
    const key = (event.target as HTMLElement).dataset.step;
    const next = key ? neighbour(made, key, event.key) : null;
    if (!key || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    if (next === null) return;
    setAt(next);
    box.current?.querySelector<HTMLElement>(`[data-step="${next}"]`)?.focus();
  };
  const by = new Map(made.steps.map((step) => [step.key, step]));
  return (
    <div className="wf" ref={box} role="group" aria-label="Steps of the work; arrows follow the lines" onKeyDown={pressed}>
      <div style={{ width: PAD * 2 + made.layers * (WIDTH + GAP_X) - GAP_X, height: PAD * 2 + made.rows * (HEIGHT + GAP_Y) - GAP_Y }}>
        <svg aria-hidden="true">
          {made.links.map(({ from, to }) => {
            const [one, two] = [by.get(from)!, by.get(to)!];
            const [x1, y1, x2, y2] = [x(one) + WIDTH, y(one) + HEIGHT / 2, x(two), y(two) + HEIGHT / 2];
            const bend = Math.max((x2 - x1) / 2, 14);
            return <path key={`${from} ${to}`} className={one.value.state === "succeeded" ? (two.value.state === "running" ? "on" : "ok") : undefined} d={`M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`} />;
          })}
        </svg>
        {made.steps.map((step) => (
          <span key={step.key} className="at" style={{ left: x(step), top: y(step), width: WIDTH, height: HEIGHT }}>
            {step.folded.length > 0 ? <Stack step={step} tabIndex={step.key === first ? 0 : -1} onOpen={onFold} /> : <NodeBox step={step} tabIndex={step.key === first ? 0 : -1} />}
          </span>
        ))}
      </div>
    </div>
  );
}

function NodeBox({ step: { key, value: node }, tabIndex }: { step: Step<Box>; tabIndex: number }) {
  return (
    <Link className={cx("nd", node.state, node.here && "here")} to={node.to} data-step={key} tabIndex={tabIndex} aria-current={node.here || undefined} title={`${visible(node.name)}, ${visible(node.by)}`}>
      <span className="a"><StateGlyph state={node.state} /><span className="cut">{visible(node.name)}</span></span>
      <span className="b"><span className="cut">{visible(node.by)}</span><span>{node.time}</span></span>
    </Link>
  );
}

function Stack({ step, tabIndex, onOpen }: { step: Placed<Box>; tabIndex: number; onOpen: () => void }) {
  const states = step.folded.map((one) => one.value.state);
  const done = states.filter((state) => ["succeeded", "failed", "cancelled", "archived"].includes(state)).length;
  const state = (["waiting", "stale", "failed", "running", "queued"] as const).find((one) => states.includes(one)) ?? "succeeded";
  return (
    <button type="button" className={cx("nd stack", state)} data-step={step.key} tabIndex={tabIndex} onClick={onOpen}>
      <span className="a"><StateGlyph state={state} /><span className="cut num">{done} of {step.folded.length} done</span></span>
      <span className="b"><span className="cut">Show them in a list</span><span /></span>
    </button>
  );
}

function List({ steps, links }: Parts) {
  const made = layout(steps, links);
  const names = new Map(steps.map((step) => [step.key, step.value.name]));
  const rows = [...made.steps].sort((a, b) => a.layer - b.layer || a.row - b.row).flatMap((step) => (step.folded.length > 0 ? step.folded.map((one) => ({ ...one, layer: step.layer })) : [step]));
  return (
    <ol className="wf-list" aria-label="Steps of the work">
      {rows.map(({ key, layer, value: node }) => {
        const after = links.filter((link) => link.to === key).map((link) => names.get(link.from)).filter(Boolean);
        return (
          <li key={key}>
            <span className="num mut">{layer + 1}</span><StateGlyph state={node.state} />
            <Link to={node.to} className="cut" aria-current={node.here || undefined}>{visible(node.name)}</Link>
            <span className="mut cut">{after.length > 0 ? `after ${visible(after.slice(0, 3).join(", "))}${after.length > 3 ? ` and ${after.length - 3} more` : ""}` : ""}</span>
            <span className="sub cut">{visible(node.by)}</span><span className="num">{node.time}</span>
          </li>
        );
      })}
    </ol>
  );
}
