import { useEffect, useRef } from "react";
import { plain } from "@/lib/ansi";
import { timeOfDay } from "@/lib/format";
import { visible } from "@/lib/visible";
import { useConversation, useOutput } from "@/live/tail";
import type { Attempt } from "@/api/types";
import { Skeleton } from "../States";
import { type Line, linesOf } from "./lines";

const SHOWN = 40;

/** The last lines of what an attempt says or prints, following. */
export function LastLines({ task, attempt }: { task: string; attempt: Attempt }) {
  return attempt.run ? <Said task={task} attempt={attempt} /> : <Printed task={task} attempt={attempt} />;
}

function Said({ task, attempt }: { task: string; attempt: Attempt }) {
  const talk = useConversation(task, attempt.number, attempt.run?.entries ?? 0);
  if (talk.loading) return <Skeleton rows={6} height={19} />;
  return <Lines lines={linesOf(talk.items).slice(-SHOWN)} none={talk.finished ? "Its agent said nothing." : "Its agent has not said anything yet."} />;
}

function Printed({ task, attempt }: { task: string; attempt: Attempt }) {
  const output = useOutput(task, attempt.number);
  if (output.loading) return <Skeleton rows={6} height={19} />;
  const lines = output.items.slice(-SHOWN).map((line): Line => ({ key: line.position, at: line.at, text: plain(line.text), bad: line.stream === "stderr" }));
  return <Lines lines={lines} none={output.finished ? "It printed nothing." : "Nothing printed so far."} />;
}

function Lines({ lines, none }: { lines: Line[]; none: string }) {
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  useEffect(() => {
    if (follows.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  if (lines.length === 0) return <p className="mut" style={{ fontSize: 12.5 }}>{none}</p>;
  return (
    <div
      ref={box} className="log last" role="log" aria-live="off" aria-label="Last lines" tabIndex={0}
      onScroll={({ currentTarget: at }) => { follows.current = at.scrollHeight - at.scrollTop - at.clientHeight < 24; }}
    >
      {lines.map((line) => (
        <div className="ln" key={line.key}><time dateTime={line.at}>{timeOfDay(new Date(line.at))}</time><span className={line.bad ? "er" : undefined}>{visible(line.text) || "\u00a0"}</span></div>
      ))}
    </div>
  );
}
