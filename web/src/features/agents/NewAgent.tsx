import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { answer, api } from "@/api/client";
import { Dialog } from "@/components/Dialog";
import { Field, Text } from "@/components/fields";
import { say, sayFailed } from "@/components/toasts";
import { useOnline } from "@/live/live";

/** Registers an agent that claims over the API; those that workers run need no registering. */
export function NewAgent({ known, onClose }: { known: Set<string>; onClose: () => void }) {
  const [name, setName] = useState("");
  const [id, setId] = useState("");
  const [model, setModel] = useState("");
  const queries = useQueryClient();
  const go = useNavigate();
  const online = useOnline();
  const wanted = id.trim() || name.trim();
  const taken = known.has(wanted);
  const make = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/agents", { body: { name: name.trim(), ...(id.trim() ? { id: id.trim() } : {}), ...(model.trim() ? { model: model.trim() } : {}) } })),
    onSuccess: (made) => { say(`${made.name} is registered`); onClose(); void go(`/agents/${encodeURIComponent(made.id)}/settings`); },
    onError: (error) => sayFailed("Not registered", error),
    onSettled: () => { for (const key of ["agents", "fleet"]) void queries.invalidateQueries({ queryKey: [key] }); },
  });
  return (
    <Dialog title="New agent" onClose={onClose}>
      <p className="sub" style={{ fontSize: 13 }}>An agent of yours that lives elsewhere and asks this server for work. Agents that a worker runs (Claude Code, Codex and others) are there as soon as their worker is.</p>
      <form style={{ display: "flex", flexDirection: "column", gap: 12 }} onSubmit={(event) => { event.preventDefault(); if (wanted && !taken) make.mutate(); }}>
        <Field id="agent-name" label="Name"><Text id="agent-name" value={name} onChange={setName} placeholder="Night reviewer" /></Field>
        <Field id="agent-id" label="Id" hint="What it says when it claims work. Default: its name." problem={taken ? "An agent of this id is there already." : undefined}><Text id="agent-id" value={id} onChange={setId} placeholder="night-reviewer" mono bad={taken ? "taken" : undefined} /></Field>
        <Field id="agent-model" label="Model" hint="Shown only."><Text id="agent-model" value={model} onChange={setModel} /></Field>
        <div className="b">
          <button type="button" className="btn" onClick={onClose}>Close</button>
          <button type="submit" className="btn p" disabled={!name.trim() || taken || make.isPending || !online}>Register agent</button>
        </div>
      </form>
    </Dialog>
  );
}
