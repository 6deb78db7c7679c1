import type { Attempt, Task } from "@/api/types";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { useConversation } from "@/live/tail";
import { Composer } from "./Composer";
import { Talk } from "./Talk";

/** Everything an agent said and did in an attempt, and a way to tell it something. */
export default function Conversation({ task, attempt }: { task: Task; attempt: Attempt | null }) {
  if (!attempt) return <EmptyState title="No conversation yet">Its agent has not been started{task.waiting ? `: ${task.waiting.message}` : ""}.</EmptyState>;
  if (!attempt.run) return <EmptyState title="No conversation">{attempt.state === "running" ? "Nothing was told of an agent so far." : "No agent of muster worked on this attempt; what it printed is under Output."}</EmptyState>;
  return <OfAttempt key={attempt.id} task={task} attempt={attempt} />;
}

function OfAttempt({ task, attempt }: { task: Task; attempt: Attempt }) {
  const talk = useConversation(task.id, attempt.number, attempt.run?.entries ?? 0);
  const agent = attempt.run?.agent ?? "the agent";
  if (talk.loading) return <Skeleton rows={10} height={40} />;
  if (talk.error && talk.items.length === 0) return <ErrorState what="The conversation could not be loaded" error={talk.error} />;
  return (
    <Talk
      talk={talk} agent={agent} task={task.id} since={attempt.claimed_at} running={attempt.state === "running"} outline
      footer={attempt.state === "running" ? <Composer task={task.id} agent={agent} /> : null}
    />
  );
}
