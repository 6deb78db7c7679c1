import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { answer, api } from "@/api/client";
import type { Agent } from "@/api/types";
import { Dialog } from "@/components/Dialog";
import { Field, Text } from "@/components/fields";
import { say, sayFailed } from "@/components/toasts";
import { useDraft } from "@/components/useDraft";
import { useOnline } from "@/live/live";

interface Changes {
  name?: string;
  model?: string;
  max_tokens?: number;
  status?: "online" | "offline";
}

/** What can be changed of an agent, how it asks for work, and the ways off the list. */
export function Settings({ agent }: { agent: Agent }) {
  const queries = useQueryClient();
  const go = useNavigate();
  const online = useOnline();
  const draft = useDraft({ name: agent.name, model: agent.model, limit: agent.max_tokens > 0 ? String(agent.max_tokens) : "" });
  const { name, model, limit } = draft.values;
  const [asking, setAsking] = useState(false);
  const path = { params: { path: { agent_id: agent.id } } };
  const after = () => { for (const key of ["agents", "fleet"]) void queries.invalidateQueries({ queryKey: [key] }); };
  const change = useMutation({ mutationFn: (body: Changes) => answer(api.PATCH("/api/v1/agents/{agent_id}", { ...path, body: body as never })), onError: (error) => sayFailed("Not changed", error), onSettled: after });
  const remove = useMutation({
    mutationFn: () => answer(api.DELETE("/api/v1/agents/{agent_id}", path)),
    onSuccess: () => { say(`${agent.name} is off the list`); void go("/agents"); },
    onError: (error) => sayFailed("Not deleted", error), onSettled: after,
  });
  const queue = useMutation({
    mutationFn: () => answer(api.GET("/api/v1/agents/{agent_id}/queue", path)),
    onSuccess: (found) => void go(`/tasks?queue=${encodeURIComponent(found.name)}`), onError: (error) => sayFailed("Its queue could not be opened", error),
  });
  const wanted: Changes = {
    ...(draft.changed("name") && name.trim() !== agent.name ? { name: name.trim() } : {}), ...(draft.changed("model") && model.trim() && model.trim() !== agent.model ? { model: model.trim() } : {}),
    ...(draft.changed("limit") && (Number(limit) || 0) !== agent.max_tokens ? { max_tokens: Number(limit) || 0 } : {}),
  };
  const bad = limit.trim() !== "" && !/^\d+$/.test(limit.trim()) ? "A whole number of tokens." : undefined;
  const away = agent.status === "offline";
  const busy = agent.status === "busy";
  return (
    <div className="rows">
      <section className="card pan">
        <h2>About it</h2>
        <form className="pane" onSubmit={(event) => { event.preventDefault(); draft.saving(change.mutateAsync(wanted, { onSuccess: () => say("Saved") })); }}>
          <div className="cols">
            <Field id="a-name" label="Name"><Text id="a-name" value={name} onChange={(typed) => draft.set({ name: typed })} /></Field>
            <Field id="a-model" label="Model" hint="Shown only; each run says which model it really uses."><Text id="a-model" value={model} onChange={(typed) => draft.set({ model: typed })} /></Field>
          </div>
          <Field id="a-limit" label="Context window" hint="In tokens, as it says of itself." problem={bad}><Text id="a-limit" value={limit} onChange={(typed) => draft.set({ limit: typed })} placeholder="200000" bad={bad} /></Field>
          <div className="foot"><button type="submit" className="btn p" disabled={Object.keys(wanted).length === 0 || !name.trim() || !!bad || change.isPending || !online}>Save changes</button></div>
        </form>
      </section>
      <section className="card pan">
        <h2>How it gets work</h2>
        <div className="pane">
          <p className="sub" style={{ fontSize: 13 }}>One that lives elsewhere asks for a task as below, or with muster's tools over MCP. One that a worker runs does so by itself.</p>
          <pre className="mono" style={{ fontSize: 12, whiteSpace: "pre-wrap", overflowWrap: "anywhere", background: "var(--code)", border: "1px solid var(--border)", borderRadius: 5, padding: "8px 10px" }}>{`curl -X POST ${location.origin}/api/v1/claims -H 'content-type: application/json' -d '${JSON.stringify({ agent_id: agent.id, wait_seconds: 30 })}'`}</pre>
          <div className="rows foot" style={{ flexDirection: "row" }}><button type="button" className="btn" disabled={queue.isPending || !online} onClick={() => queue.mutate()}>Tasks in its own queue</button></div>
        </div>
      </section>
      <section className="card pan">
        <h2>Leaving</h2>
        <div className="pane">
          <p className="sub" style={{ fontSize: 13 }}>{away ? "It is signed off: shown as offline while it does nothing." : "Signed off, it is shown as offline while it does nothing; it may still claim work."} Deleted, it is gone from the list; its tasks stay, and its next call registers it anew.</p>
          <div className="rows foot" style={{ flexDirection: "row" }}>
            <button type="button" className="btn" disabled={change.isPending || !online} onClick={() => change.mutate({ status: away ? "online" : "offline" }, { onSuccess: () => say(away ? "Signed on" : "Signed off") })}>{away ? "Sign on" : "Sign off"}</button>
            <button type="button" className="btn d" disabled={busy || !online} onClick={() => setAsking(true)}>Delete agent</button>
            {busy ? <span className="mut" style={{ fontSize: 12 }}>It works on a task: stop that first.</span> : null}
          </div>
        </div>
      </section>
      {asking ? (
        <Dialog title={`Delete ${agent.name}?`} onClose={() => setAsking(false)}>
          <p>It is taken off the list. Its tasks, their conversations and their cost stay. If it still runs somewhere, its next call registers it anew.</p>
          <div className="b">
            <button type="button" className="btn" onClick={() => setAsking(false)}>Keep it</button>
            <button type="button" className="btn x" onClick={() => { setAsking(false); remove.mutate(); }}>Delete agent</button>
          </div>
        </Dialog>
      ) : null}
    </div>
  );
}
