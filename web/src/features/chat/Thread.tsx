import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { Link, useNavigate } from "react-router";
import { answer, api } from "@/api/client";
import { task as taskQuery, taskApprovals } from "@/api/queries";
import type { Task } from "@/api/types";
import { useAgentName } from "@/components/AgentName";
import { STANDS, WordsBox } from "@/components/conversation/Composer";
import { type Block, folded, toBlocks } from "@/components/conversation/entries";
import { PauseButton } from "@/components/conversation/PauseButton";
import { Talk } from "@/components/conversation/Talk";
import { useWords } from "@/components/conversation/useWords";
import { DecisionCard } from "@/components/decision/DecisionCard";
import { PageHeading } from "@/components/Page";
import { StateChip } from "@/components/StateGlyph";
import { ErrorState, Skeleton } from "@/components/States";
import { sayFailed } from "@/components/toasts";
import { cost, shortPath } from "@/lib/format";
import { seenTask } from "@/lib/states";
import { useConversation } from "@/live/tail";
import { nextOf, type Way, wayOf } from "@/components/conversation/continue";
import { chainOf } from "./queries";

/** A conversation with the agent of a task, and with those tasks it goes on with. */
export default function Thread({ id, name }: { id: string; name: string | null }) {
  const { data, error, refetch } = useQuery(taskQuery(id));
  const named = useAgentName();
  if (error && !data) return <ErrorState page what="The conversation could not be loaded" error={error} retry={() => void refetch()} action={<Link className="btn" to="/chat">Start another</Link>} />;
  if (!data) return <Skeleton rows={10} height={40} />;
  return <Open key={`${data.id} ${data.attempt?.number ?? 0} ${data.attempt?.run ? "run" : ""}`} task={data} name={name ?? data.attempt?.run?.agent ?? (named(data.agent_id ?? data.assigned_to) || "the agent")} />;
}

const HINTS: Record<Way, string> = {
  say: "It works: read when its present step ends. An interrupt makes it listen at once.",
  wait: "Your last words wait to be taken up.",
  resume: "It has finished: your words begin a task that goes on with its session.",
  anew: "Its program keeps no sessions: your words begin a task of their own.",
  assign: "Your words become a task of its own; it gets that when it next asks for work.",
};

function Open({ task, name }: { task: Task; name: string }) {
  const queries = useQueryClient();
  const go = useNavigate();
  const attempt = task.attempt;
  const talk = useConversation(task.id, attempt?.run ? attempt.number : 0, attempt?.run?.entries ?? 0);
  const chain = useQuery({ ...chainOf(task), enabled: typeof task.payload.resume === "string" });
  const pending = (useQuery(taskApprovals(task.id)).data?.items ?? []).filter((approval) => approval.state === "pending");
  const before = useMemo(() => [...(chain.data ?? []).flatMap((one) => folded(toBlocks(one.items, `${one.task.id} `))), ...(attempt?.run ? [] : beginning(task))], [chain.data, task, attempt?.run]);
  const words = useWords(task.id);
  const begin = useMutation({
    mutationFn: (text: string) => answer(api.POST("/api/v1/tasks", { body: nextOf(task, text) })),
    onSuccess: (made) => {
      queries.setQueryData(taskQuery(made.id).queryKey, made);
      void queries.invalidateQueries({ queryKey: ["tasks"] });
      void go(`${made.assigned_to ? `/chat/${encodeURIComponent(made.assigned_to)}` : "/chat"}?task=${made.id}`);
    },
    onError: (error) => sayFailed("Not sent", error),
  });
  const way = wayOf(task);
  const send = async (text: string) => {
    try {
      if (way === "say") await words.mutateAsync({ kind: "say", text });
      else await begin.mutateAsync(text);
      return true;
    } catch {
      return false;
    }
  };
  const { state, word } = seenTask(task, pending.length > 0);
  const running = task.state === "running";
  const spent = attempt ? (running ? (attempt.run?.cost_usd ?? 0) : attempt.cost_usd) : 0;
  return (
    <>
      <div className="chat-hd">
        <PageHeading>{name}</PageHeading>
        <StateChip state={state} word={word} />
        <span className="mut" style={{ fontSize: 12 }}>{[attempt?.run?.agent, attempt?.run?.model, task.working_dir && shortPath(task.working_dir, 30), attempt?.run && cost(spent, attempt.run.unpriced_calls)].filter(Boolean).join(" · ")}</span>
        <span className="r"><PauseButton task={task.id} attempt={attempt} /><Link className="btn s" to={`/tasks/${task.id}`}>Open task</Link></span>
      </div>
      {talk.error && talk.items.length === 0 && attempt?.run ? <ErrorState what="The conversation could not be loaded" error={talk.error} /> : (
        <Talk
          talk={talk} agent={name} task={task.id} attemptId={attempt?.id} since={attempt?.claimed_at ?? ""} running={running} before={before} quiet height="100%"
          footer={
            <>
              {pending.map((approval) => <div key={approval.id} style={{ padding: "10px 12px 0" }}><DecisionCard approval={approval} /></div>)}
              {task.error && !running ? <p className="note text-failed" style={{ padding: "8px 12px 0" }}>{task.error.split("\n")[0]}</p> : null}
              <WordsBox agent={name} hint={way === "wait" ? `${HINTS.wait} ${task.waiting?.message ?? ""}` : attempt?.paused ? STANDS : HINTS[way]} busy={words.isPending || begin.isPending || way === "wait"} onSend={send}>
                {running ? <button type="button" className="btn" disabled={words.isPending} onClick={() => words.mutate({ kind: "interrupt" })}>Interrupt</button> : null}
              </WordsBox>
            </>
          }
        />
      )}
    </>
  );
}

/** What was said to an agent that has not told of its run: the words of the task, and how far it is. */
function beginning(task: Task): Block[] {
  const text = typeof task.payload.prompt === "string" ? task.payload.prompt : task.description || task.title;
  const state = task.state === "running" ? "It has taken this up and said nothing so far." : task.waiting ? `Waits: ${task.waiting.message}` : task.output || "";
  const asked: Block = { kind: "message", key: `${task.id} asked`, at: task.created_at, role: "user", text };
  if (!state) return [asked];
  if (task.output && !task.waiting && task.state !== "running") return [asked, { kind: "message", key: `${task.id} output`, at: task.finished_at ?? task.updated_at, role: "agent", text: task.output }];
  return [asked, { kind: "note", key: `${task.id} state`, at: task.created_at, text: state, bad: false }];
}
