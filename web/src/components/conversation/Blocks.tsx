import { ChevronRight, ListTodo } from "lucide-react";
import { memo } from "react";
import { Asked } from "./Asked";
import { ChangeLinks } from "./ChangeLinks";
import { DiffLines } from "@/components/diff/DiffLines";
import { Markdown } from "@/components/Markdown";
import { visible } from "@/lib/visible";
import { StateGlyph } from "@/components/StateGlyph";
import { plain } from "@/lib/ansi";
import { cx } from "@/lib/cx";
import { compact, cost, count, duration, elapsed, timeOfDay } from "@/lib/format";
import type { Shown } from "@/lib/states";
import { type Block, type ToolBlock, type Used, wordsOfCall } from "./entries";

const NAMES: Record<string, string> = { user: "You", system: "Instructions" };

/** One block of a conversation. `open`: a call that failed and is the last one shows itself. */
export const BlockView = memo(function BlockView({ block, agent, open }: { block: Block; agent: string; open: boolean }) {
  switch (block.kind) {
    case "message":
      return <MessageView block={block} agent={agent} />;
    case "thinking":
      return <details className="fold"><summary><Twist />Thought{block.until && seconds(block.at, block.until) >= 1 ? ` for ${elapsed(seconds(block.at, block.until))}` : ""}</summary><p className="mut" style={{ padding: "0 0 4px 20px", fontSize: 12.5, whiteSpace: "pre-wrap" }}>{visible(block.text)}</p></details>;
    case "tool":
      return <ToolView block={block} open={open} />;
    case "group":
      return <details className="fold"><summary><Twist />{block.verb} {block.calls.length} {block.verb === "Read" ? "files" : "times"}</summary><div style={{ paddingLeft: 20 }}>{block.calls.map((call) => <ToolView key={call.key} block={call} open={false} />)}</div></details>;
    case "plan":
      return (
        <div className="fold">
          <div style={{ display: "flex", gap: 8, alignItems: "center", fontSize: 12.5 }} className="sub"><ListTodo size={13} aria-hidden="true" />Plan</div>
          <ol style={{ padding: "2px 0 0 20px", fontSize: 12.5 }}>
            {block.items.map((item, index) => <li key={index} style={{ display: "flex", gap: 7, alignItems: "center" }}><StateGlyph size={11} state={item.status === "completed" ? "succeeded" : item.status === "in_progress" ? "running" : "queued"} label={item.status ?? "pending"} />{visible(item.text)}</li>)}
          </ol>
        </div>
      );
    case "asked":
      return <Asked block={block} />;
    case "note":
      return <p className={cx("note", block.bad && "text-failed")}>{visible(block.text)}</p>;
    case "end":
      return <p className="note" style={{ display: "flex", gap: 6, justifyContent: "center", alignItems: "center" }}><StateGlyph state={block.ok ? "succeeded" : "failed"} size={11} label="" />{block.ok ? "Turn finished" : "Turn failed"}</p>;
  }
});

function Twist() {
  return <ChevronRight size={12} className="tw" aria-hidden="true" />;
}

function MessageView({ block, agent }: { block: Block & { kind: "message" }; agent: string }) {
  const who = NAMES[block.role] ?? agent;
  const head = <div className="who"><b>{who}</b><time dateTime={block.at}>{timeOfDay(new Date(block.at))}</time>{block.used ? <Spent used={block.used} /> : null}</div>;
  if (block.role === "system") return <details className="fold"><summary><Twist />{who}</summary><div className="msg user"><Markdown text={block.text} /></div></details>;
  return <div className={cx("msg", block.role === "user" && "user")}>{head}<Markdown text={block.text} breaks={block.role === "user"} /></div>;
}

function seconds(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}

/** Tokens and cost of a step, as its agent says. */
function Spent({ used: { tokens, cost: price } }: { used: Used }) {
  const given = (tokens.input ?? 0) + (tokens.cache_read ?? 0) + (tokens.cache_write ?? 0);
  const split = [`input ${count(tokens.input ?? 0)}`, `cache read ${count(tokens.cache_read ?? 0)}`, `cache write ${count(tokens.cache_write ?? 0)}`, `output ${count(tokens.output ?? 0)}`];
  return <span className="num mut spent" title={`As the agent says: ${split.join(", ")}`}>{compact(given)} in · {compact(tokens.output ?? 0)} out{price !== null ? ` · ${cost(price)}` : ""}</span>;
}

function stateOf(block: ToolBlock): Shown {
  if (!block.result) return "running";
  switch (block.result.status ?? "completed") {
    case "completed":
      return "succeeded";
    case "failed":
      return "failed";
    default:
      return "cancelled";
  }
}

function ToolView({ block, open }: { block: ToolBlock; open: boolean }) {
  const { verb, object } = wordsOfCall(block.call);
  const state = stateOf(block);
  const exit = block.result?.exit_code;
  const input = block.call.input && Object.keys(block.call.input).length > 0 ? block.call.input : null;
  return (
    <details className="tool" open={open && state === "failed"}>
      <summary>
        <Twist />
        <span>{verb}</span><span className="mono cut" style={{ color: "var(--fg)", flex: 1 }}>{visible(object)}</span>
        {state !== "succeeded" ? <StateGlyph state={state} size={12} label={block.result?.status ?? "Running"} /> : null}
        {exit !== null && exit !== undefined && exit !== 0 ? <span className="num text-failed">exit {exit}</span> : null}
        {block.used ? <Spent used={block.used} /> : null}
        {block.ended && seconds(block.at, block.ended) >= 0.1 ? <span className="num mut">{duration(seconds(block.at, block.ended))}</span> : null}
      </summary>
      <div className="in">
        {input ? <><h3>Input</h3><pre tabIndex={0}>{visible(JSON.stringify(input, null, 2))}</pre></> : null}
        <ChangeLinks paths={block.call.paths ?? []} />
        {block.result?.diff ? <><h3>Change</h3><DiffLines diff={block.result.diff} /></> : null}
        {block.output ? <><h3>Result</h3><pre tabIndex={0}>{visible(plain(block.output))}</pre></> : block.result ? <h3>No output</h3> : <h3>Still running</h3>}
      </div>
    </details>
  );
}
