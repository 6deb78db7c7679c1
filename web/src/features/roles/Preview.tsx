import { keepPreviousData, useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useNavigate } from "react-router";
import { answer, api } from "@/api/client";
import { queues, workers } from "@/api/queries";
import type { RoleFields, TaskCreate } from "@/api/types";
import { Field, Select, Text } from "@/components/fields";
import { ErrorState, Skeleton } from "@/components/States";
import { say, sayFailed } from "@/components/toasts";
import { compact, count } from "@/lib/format";
import { firstOf, labelOf, offers } from "@/lib/offers";
import { visible } from "@/lib/visible";
import { useOnline } from "@/live/live";
import { aboutTokens } from "./draft";

const WAIT_MS = 400;

function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  const text = JSON.stringify(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(JSON.parse(text) as T), WAIT_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

/** The prompt exactly as an agent of the role would get it, and a way to try it. `dirty`: what is shown is not saved. */
export function Preview({ name, fields, dirty }: { name: string; fields: RoleFields; dirty: boolean }) {
  const go = useNavigate();
  const online = useOnline();
  const [sample, setSample] = useState("");
  const [queue, setQueue] = useState("");
  const [directory, setDirectory] = useState("");
  const [program, setProgram] = useState("");
  const lines = useQuery(queues).data?.items ?? [];
  const offered = offers(useQuery(workers).data?.items.filter((worker) => worker.live) ?? []);
  const agent = program || (fields.agent ?? "") || (firstOf(offered) ?? "");
  const prompt = sample.trim() || "Mend the failing test.";
  const wanted = useSettled({ title: "Preview", prompt, role: name, draft: fields, ...(queue ? { queue } : {}) });
  const { data, error, isPlaceholderData, refetch } = useQuery({
    queryKey: ["preview", wanted], queryFn: () => answer(api.POST("/api/v1/prompts/preview", { body: wanted as never })), placeholderData: keepPreviousData, staleTime: 30_000,
  });
  const attempt = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/tasks", { body: { title: `Try ${name}: ${prompt.split("\n")[0]!.slice(0, 60)}`, kind: "prompt", tags: ["try"], payload: { prompt, role: name, agent }, ...(queue ? { queue } : {}), ...(directory.trim() ? { working_dir: directory.trim() } : {}) } as unknown as TaskCreate })),
    onSuccess: (made) => { say("Queued"); void go(`/tasks/${made.id}`); },
    onError: (problem) => sayFailed("Not queued", problem),
  });
  const bad = directory.trim() && !directory.trim().startsWith("/") ? "An absolute path, such as /home/me/project." : undefined;
  return (
    <>
      <section className="card pan" aria-label="Preview">
        <h2>As it is sent <span className="mut">{data ? `about ${compact(aboutTokens(data.system + data.user))} tokens` : ""}</span></h2>
        <div className="pane" style={isPlaceholderData ? { opacity: 0.6 } : undefined}>
          {error && !data ? <ErrorState what="The preview could not be made" error={error} retry={() => void refetch()} /> : !data ? <Skeleton rows={6} height={18} /> : (
            <>
              <Prompted label="Added to the agent's own system prompt" text={data.system} empty="Nothing: this role has neither a system prompt nor instructions." />
              <Prompted label="First message" text={data.user} empty="" />
            </>
          )}
        </div>
      </section>
      <section className="card pan">
        <h2>Try on a sample</h2>
        <form className="pane" onSubmit={(event) => { event.preventDefault(); if (!dirty && agent && !bad) attempt.mutate(); }}>
          <Field id="sample" label="Prompt"><textarea id="sample" className="inp" rows={3} value={sample} placeholder="Mend the failing test." onChange={(event) => setSample(event.target.value)} /></Field>
          <div className="rows" style={{ maxWidth: "none" }}>
            <div className="cols">
              <Select id="try-agent" label="Agent" value={agent} onChange={setProgram} options={[...(agent && !offered.some((offer) => offer.name === agent) ? [[agent, `${agent} (no worker has it)`] as [string, string]] : []), ...offered.map((offer): [string, string] => [offer.name, labelOf(offer)])]} />
              <Select id="try-queue" label="Queue" value={queue} onChange={setQueue} options={[["", "As usual"], ...lines.map((line): [string, string] => [line.name, line.name])]} />
            </div>
            <Field id="try-directory" label="Directory" problem={bad}><Text id="try-directory" value={directory} onChange={setDirectory} placeholder="/home/me/project" mono bad={bad} /></Field>
          </div>
          <div className="rows foot" style={{ flexDirection: "row", maxWidth: "none" }}>
            <button type="submit" className="btn" disabled={dirty || !agent || !!bad || attempt.isPending || !online}>Queue it with this role</button>
            <span className="mut" style={{ fontSize: 12 }}>{dirty ? "Save the role first." : agent ? "It is a real task and may cost what it costs." : "No worker has an agent."}</span>
          </div>
        </form>
      </section>
    </>
  );
}

function Prompted({ label, text, empty }: { label: string; text: string; empty: string }) {
  return (
    <div className="field">
      <span className="lbl">{label}{text ? <span className="mut"> {count(text.length)} characters</span> : null}</span>
      {text ? <pre tabIndex={0} role="region" aria-label={label}>{visible(text)}</pre> : <p className="mut" style={{ fontSize: 12 }}>{empty}</p>}
    </div>
  );
}
