import { useMutation } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import { answer, api } from "@/api/client";
import type { Attempt, Task } from "@/api/types";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { say, sayFailed } from "@/components/toasts";
import { count, plural } from "@/lib/format";
import { useConversation } from "@/live/tail";
import { BlockView } from "./Blocks";
import { toBlocks } from "./entries";

/** Everything an agent said and did in an attempt, and a way to tell it something. */
export default function ConversationTab({ task, attempt }: { task: Task; attempt: Attempt | null }) {
  if (!attempt) return <EmptyState title="No conversation yet">Its agent has not been started{task.waiting ? `: ${task.waiting.message}` : ""}.</EmptyState>;
  if (!attempt.run) return <EmptyState title="No conversation">{attempt.state === "running" ? "Nothing was told of an agent so far." : "No agent of muster worked on this attempt; what it printed is under Output."}</EmptyState>;
  return <Talk key={attempt.id} task={task} attempt={attempt} />;
}

function Talk({ task, attempt }: { task: Task; attempt: Attempt }) {
  const talk = useConversation(task.id, attempt.number, attempt.run?.entries ?? 0);
  const [thinking, setThinking] = useState(false);
  const [tools, setTools] = useState(true);
  const [follow, setFollow] = useState(true);
  const all = useMemo(() => toBlocks(talk.items), [talk.items]);
  const blocks = useMemo(() => all.filter((block) => (thinking || block.kind !== "thinking") && (tools || block.kind !== "tool")), [all, thinking, tools]);
  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: blocks.length, getScrollElement: () => box.current, estimateSize: () => 44, overscan: 12, gap: 10, paddingStart: 12, paddingEnd: 12, getItemKey: (index) => blocks[index]!.key });
  const size = rows.getTotalSize();
  useEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [size, follow]);
  if (talk.loading) return <Skeleton rows={10} height={40} />;
  if (talk.error && talk.items.length === 0) return <ErrorState what="The conversation could not be loaded" error={talk.error} />;
  return (
    <section className="card pan" aria-label="Conversation">
      <h2>{plural(talk.total, "entry", "entries")}
        <span className="r">
          <button type="button" className="btn s" aria-pressed={thinking} onClick={() => setThinking(!thinking)}>{thinking ? "Thinking shown" : "Thinking hidden"}</button>
          <button type="button" className="btn s" aria-pressed={tools} onClick={() => setTools(!tools)}>{tools ? "Tools shown" : "Tools hidden"}</button>
          <button type="button" className="btn s" aria-pressed={follow} onClick={() => setFollow(!follow)}>{follow ? "Following" : "Follow"}</button>
        </span>
      </h2>
      {talk.first > 0 ? <button type="button" className="f" style={{ justifyContent: "center" }} onClick={() => { setFollow(false); void talk.earlier().catch((error) => sayFailed("Not loaded", error)); }}>Show {count(Math.min(talk.first, 200))} earlier of {count(talk.first)}</button> : null}
      <div
        ref={box} className="log" role="log" aria-live="off" aria-label="Messages" tabIndex={0} style={{ height: "calc(100dvh - 330px)", minHeight: 240, font: "inherit", padding: 0, background: "var(--surface)" }}
        onScroll={(event) => { const at = event.currentTarget; const end = at.scrollHeight - at.scrollTop - at.clientHeight < 40; if (end !== follow && at.scrollHeight > at.clientHeight) setFollow(end); }}
      >
        <div style={{ height: size, position: "relative" }}>
          {rows.getVirtualItems().map((row) => (
            <div key={row.key} data-index={row.index} ref={rows.measureElement} style={{ position: "absolute", top: 0, left: 14, right: 14, transform: `translateY(${row.start}px)` }}>
              <BlockView block={blocks[row.index]!} agent={attempt.run?.agent ?? "Agent"} open={row.index === blocks.length - 1} />
            </div>
          ))}
        </div>
      </div>
      {attempt.state === "running" ? <Composer task={task} agent={attempt.run?.agent ?? "the agent"} /> : null}
    </section>
  );
}

function Composer({ task, agent }: { task: Task; agent: string }) {
  const [text, setText] = useState("");
  const send = useMutation({
    mutationFn: (body: { kind: "say" | "interrupt"; text: string }) =>
      answer(api.POST("/api/v1/tasks/{task_id}/messages", { params: { path: { task_id: task.id } }, body: { ...(body.text ? { text: body.text } : {}), kind: body.kind, by: "web interface" } as { kind: "say"; text: string; by: string } })),
    onSuccess: (_, { kind }) => { say(kind === "say" ? "Sent; it is read when the present step ends" : "Interrupting"); if (kind === "say") setText(""); },
    onError: (error) => sayFailed("Not sent", error),
  });
  const submit = () => text.trim() && send.mutate({ kind: "say", text: text.trim() });
  return (
    <form className="composer" onSubmit={(event) => { event.preventDefault(); submit(); }}>
      <textarea className="inp" rows={1} aria-label={`Message ${agent}`} placeholder={`Message ${agent}…`} value={text} onChange={(event) => setText(event.target.value)} onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(); }} />
      <button type="submit" className="btn p" disabled={send.isPending || !text.trim()}>Send</button>
      <button type="button" className="btn" disabled={send.isPending} onClick={() => send.mutate({ kind: "interrupt", text: "" })}>Interrupt</button>
    </form>
  );
}
