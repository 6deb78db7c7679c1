import type { Attempt, Task } from "@/api/types";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { useConversation } from "@/live/tail";
import { Composer } from "./Composer";
import { Talk } from "./Talk";

const COMPOSER = 22;

/** Everything an agent said and did in an attempt, and a way to tell it something. `above`: pixels that the page needs beside it. */
export default function Conversation({ task, attempt, above = 330 }: { task: Task; attempt: Attempt | null; above?: number }) {
  if (!attempt) return <EmptyState title="No conversation yet">Its agent has not been started{task.waiting ? `: ${task.waiting.message}` : ""}.</EmptyState>;
  if (!attempt.run) return <EmptyState title="No conversation">{attempt.state === "running" ? "Nothing was told of an agent so far." : "No agent of muster worked on this attempt; what it printed is under Output."}</EmptyState>;
  return <OfAttempt key={attempt.id} task={task} attempt={attempt} above={above} />;
}

function OfAttempt({ task, attempt, above }: { task: Task; attempt: Attempt; above: number }) {
  const talk = useConversation(task.id, attempt.number, attempt.run?.entries ?? 0);
  const agent = attempt.run?.agent ?? "the agent";
  const running = attempt.state === "running";
  if (talk.loading) return <Skeleton rows={10} height={40} />;
  if (talk.error && talk.items.length === 0) return <ErrorState what="The conversation could not be loaded" error={talk.error} />;
  return (
    <Talk
      talk={talk} agent={agent} task={task.id} attempt={attempt.number} attemptId={attempt.id} since={attempt.claimed_at} running={running} outline height={`calc(100dvh - ${above + (running ? COMPOSER : 0)}px)`}
      footer={running ? <Composer task={task.id} agent={agent} paused={attempt.paused} /> : null}
    />
  );
}
