import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { answer, api } from "@/api/client";
import { task as taskQuery, workers } from "@/api/queries";
import { WordsBox } from "@/components/conversation/Composer";
import { Field, Select, Text } from "@/components/fields";
import { PageHeading } from "@/components/Page";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { sayFailed } from "@/components/toasts";
import { firstOf as firstOffer, labelOf, offers } from "@/lib/offers";
import { assigned, firstOf } from "@/components/conversation/continue";

/** The first words: to one of the agents that workers have, or to an agent that claims over the API. `agent`: to that one. */
export function Start({ agent, name }: { agent: string | null; name: string | null }) {
  const queries = useQueryClient();
  const go = useNavigate();
  const places = useQuery(workers);
  const [program, setProgram] = useState<string | null>(null);
  const [directory, setDirectory] = useState("");
  const [ask, setAsk] = useState(true);
  const live = places.data?.items.filter((worker) => worker.live && (agent === null || worker.id === agent)) ?? [];
  const offered = offers(live);
  const chosen = program ?? firstOffer(offered) ?? "";
  const outside = agent !== null && offered.length === 0;
  const begin = useMutation({
    mutationFn: (text: string) => answer(api.POST("/api/v1/tasks", { body: outside ? assigned(agent, text) : firstOf(chosen, text, directory, ask, agent) })),
    onSuccess: (made) => {
      queries.setQueryData(taskQuery(made.id).queryKey, made);
      void queries.invalidateQueries({ queryKey: ["tasks"] });
      void go(`${agent ? `/chat/${encodeURIComponent(agent)}` : "/chat"}?task=${made.id}`);
    },
    onError: (error) => sayFailed("Not sent", error),
  });
  const bad = directory.trim() && !directory.trim().startsWith("/") ? "An absolute path, such as /home/me/project." : undefined;
  const send = (text: string) => begin.mutateAsync(text).then(() => true, () => false);
  const title = name ?? "Talk with an agent";
  if (places.isError && !places.data) return <><PageHeading className="sr">{title}</PageHeading><ErrorState what="The workers could not be loaded" error={places.error} retry={() => void places.refetch()} /></>;
  if (!places.data) return <><PageHeading className="sr">{title}</PageHeading><Skeleton rows={5} height={40} /></>;
  if (!outside && offered.length === 0) return <><PageHeading className="sr">{title}</PageHeading><EmptyState title="No worker is there that has an agent">muster agents detect tells which are installed, and muster up starts a worker with them.</EmptyState></>;
  return (
    <>
      <div className="chat-hd"><PageHeading>{title}</PageHeading></div>
      <section className="card pan" style={{ flex: "none" }}>
        <div className="pane">
          {outside ? <p className="sub" style={{ fontSize: 13 }}>It claims its work over the API. What you write becomes a task in its own queue; it gets that when it next asks for work.</p> : (
            <>
              <div className="rows" style={{ maxWidth: "none" }}>
                <div className="cols">
                  <Select id="program" label="Agent" value={chosen} onChange={setProgram} options={offered.map((offer): [string, string] => [offer.name, labelOf(offer)])} />
                  <Field id="chat-directory" label="Directory" hint="It works in a copy of its own. Without one: in an empty folder." problem={bad}><Text id="chat-directory" value={directory} onChange={setDirectory} placeholder="/home/me/project" mono bad={bad} /></Field>
                </div>
              </div>
              <label style={{ display: "flex", gap: 8, alignItems: "center", fontSize: 13 }}><input type="checkbox" checked={ask} onChange={(event) => setAsk(event.target.checked)} />Ask me before risky actions</label>
            </>
          )}
        </div>
        <WordsBox agent={name ?? chosen} hint="Your words begin a task; what it answers appears as it is written." busy={begin.isPending || !!bad} onSend={send} />
      </section>
    </>
  );
}
