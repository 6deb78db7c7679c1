import { useEffect, useMemo, useRef, useState } from "react";
import type { Attempt } from "@/api/types";
import { Skeleton } from "@/components/States";
import { useConversation } from "@/live/tail";
import { Asking } from "./Asked";
import { BlockView } from "./Blocks";
import { Composer } from "./Composer";
import { folded, toBlocks } from "./entries";

const SHOWN = 60;

/** The last things an agent said and did, following; while it works, with a box for words to it. */
export default function Feed({ task, attempt }: { task: string; attempt: Attempt }) {
  const talk = useConversation(task, attempt.number, attempt.run?.entries ?? 0);
  const blocks = useMemo(() => folded(toBlocks(talk.items)), [talk.items]);
  const box = useRef<HTMLDivElement>(null);
  const [follow, setFollow] = useState(true);
  const asking = useMemo(() => ({ task, attempt: attempt.id }), [task, attempt.id]);
  const agent = attempt.run?.agent ?? "Agent";
  useEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [blocks, follow]);
  if (talk.loading) return <Skeleton rows={5} height={24} />;
  const composer = attempt.state === "running" ? <Composer task={task} agent={agent} paused={attempt.paused} /> : null;
  if (blocks.length === 0) return <><p className="pr">{talk.finished ? "Its agent said nothing." : "Its agent has not said anything yet."}</p>{composer}</>;
  return (
    <>
      <div
        ref={box} className="log" style={{ maxHeight: 420, font: "inherit", padding: 0 }} role="log" aria-live="off" aria-label="What the agent says and does" tabIndex={0}
        onScroll={(event) => { const at = event.currentTarget; setFollow(at.scrollHeight - at.scrollTop - at.clientHeight < 24); }}
      >
        <Asking.Provider value={asking}><div className="conv">{blocks.slice(-SHOWN).map((block, index, all) => <BlockView key={block.key} block={block} agent={agent} open={index === all.length - 1} />)}</div></Asking.Provider>
      </div>
      {composer}
    </>
  );
}
