import { visible } from "@/lib/visible";
import { hourAndMinute } from "@/lib/format";
import { StateGlyph } from "@/components/StateGlyph";
import { type Block, wordsOfCall } from "./entries";

export interface Stop {
  index: number;
  at: string;
  label: string;
  bad: boolean;
}

/** The points of a conversation one looks for: what people said, plans, edits, commands that failed, ends of turns. */
export function stopsOf(blocks: Block[]): Stop[] {
  const stops: Stop[] = [];
  blocks.forEach((block, index) => {
    const add = (label: string, bad = false) => stops.push({ index, at: block.at, label, bad });
    if (block.kind === "message" && block.role === "user") add(stops.length === 0 ? "Task" : `You: ${block.text.slice(0, 60)}`);
    else if (block.kind === "plan" && !stops.some((stop) => stop.label === "Plan")) add("Plan");
    else if (block.kind === "asked") add(block.title);
    else if (block.kind === "end") add(block.ok ? "Turn finished" : "Turn failed", !block.ok);
    else if (block.kind === "note" && block.bad) add(block.text.slice(0, 60), true);
    else if (block.kind === "tool") {
      const { verb, object } = wordsOfCall(block.call);
      if (block.result?.status === "failed") add(`${verb} failed`, true);
      else if (verb === "Edit") add(`Edit ${object.split("/").pop() ?? ""}`);
    }
  });
  return stops;
}

export function Outline({ blocks, onGo }: { blocks: Block[]; onGo: (index: number) => void }) {
  const stops = stopsOf(blocks);
  return (
    <nav className="stops" aria-label="Outline">
      {stops.map((stop) => (
        <button type="button" key={stop.index} onClick={() => onGo(stop.index)}>
          <time className="num" dateTime={stop.at}>{hourAndMinute(new Date(stop.at))}</time>
          {stop.bad ? <StateGlyph state="failed" size={11} /> : null}
          <span className="cut">{visible(stop.label)}</span>
        </button>
      ))}
      {stops.length === 0 ? <p className="mut">Nothing to jump to yet.</p> : null}
    </nav>
  );
}
