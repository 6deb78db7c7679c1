import { useEffect, useMemo, useRef, useState } from "react";
import type { Attempt, Task } from "@/api/types";
import { Skeleton } from "@/components/States";
import { useConversation } from "@/live/tail";
import { BlockView } from "./Blocks";
import { toBlocks } from "./entries";

const SHOWN = 60;

/** The last things an agent said and did, following. */
export default function ConversationFeed({ task, attempt }: { task: Task; attempt: Attempt }) {
  const talk = useConversation(task.id, attempt.number, attempt.run?.entries ?? 0);
  const blocks = useMemo(() => toBlocks(talk.items), [talk.items]);
  const box = useRef<HTMLDivElement>(null);
  const [follow, setFollow] = useState(true);
  useEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [blocks, follow]);
  if (talk.loading) return <Skeleton rows={5} height={24} />;
  if (blocks.length === 0) return <p className="pr">{talk.finished ? "Its agent said nothing." : "Its agent has not said anything yet."}</p>;
  return (
    <div
      ref={box} className="log" style={{ maxHeight: 420, font: "inherit", padding: 0 }} role="log" aria-live="off" aria-label="What the agent says and does" tabIndex={0}
      onScroll={(event) => { const at = event.currentTarget; setFollow(at.scrollHeight - at.scrollTop - at.clientHeight < 24); }}
    >
      <div className="conv">{blocks.slice(-SHOWN).map((block, index, all) => <BlockView key={block.key} block={block} agent={attempt.run?.agent ?? "Agent"} open={index === all.length - 1} />)}</div>
    </div>
  );
}
