import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Copy, Trash2 } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { answer, api } from "@/api/client";
import { workers } from "@/api/queries";
import type { Role } from "@/api/types";
import { Dialog } from "@/components/Dialog";
import { Field, Select, Text } from "@/components/fields";
import { PageHeading, usePageTitle } from "@/components/Page";
import { Skeleton } from "@/components/States";
import { say, sayFailed } from "@/components/toasts";
import { useKeys } from "@/lib/keys";
import { labelOf, offers } from "@/lib/offers";
import { useOnline } from "@/live/live";
import { type Draft, draftOf, fieldsOf, problemsOf } from "./draft";
import { NameDialog } from "./NameDialog";
import { Preview } from "./Preview";
import { BY, restore } from "./queries";
import { Servers } from "./Servers";

const Versions = lazy(() => import("./Versions"));
const KINDS: [Role["kind"], string][] = [["analyst", "Analyst"], ["planner", "Planner"], ["builder", "Builder"], ["tester", "Tester"], ["reviewer", "Reviewer"], ["custom", "Custom"]];
const PERMISSIONS: [string, string][] = [["", "As the task says"], ["read", "Read only"], ["ask", "Ask before risky actions"], ["edit", "Edit freely, ask for commands"], ["full", "Everything, without asking"]];

/** A role as it is and as it would be. */
export function Editor({ role, names }: { role: Role; names: string[] }) {
  const queries = useQueryClient();
  const go = useNavigate();
  const online = useOnline();
  const [search, setSearch] = useSearchParams();
  // What the draft was made of: what somebody else saves meanwhile is told, not overwritten.
  const [base, setBase] = useState(role);
  const [draft, setDraft] = useState<Draft>(() => draftOf(role));
  const [open, setOpen] = useState<"clone" | "delete" | null>(null);
  usePageTitle(role.name);
  const offered = offers(useQuery(workers).data?.items.filter((worker) => worker.live) ?? []);
  const saved = fieldsOf(draftOf(base));
  const fields = fieldsOf(draft);
  const dirty = JSON.stringify(saved) !== JSON.stringify(fields);
  const begin = () => { setBase(role); setDraft(draftOf(role)); };
  const newer = role.version > base.version;
  if (newer && !dirty) begin();
  const tab = search.get("tab") === "versions" ? "versions" : "prompt";
  const show = (next: Record<string, string>) => setSearch(next);
  const problems = problemsOf(draft);
  const path = { params: { path: { name: role.name } } };
  const after = { onSettled: () => void queries.invalidateQueries({ queryKey: ["roles"] }) };
  const save = useMutation({ mutationFn: () => answer(api.PUT("/api/v1/roles/{name}", { ...path, body: { ...fields, by: BY, if_version: base.version } })), onSuccess: (made) => { setBase(made); say(`Saved as version ${made.version}; attempts that run keep what they were told`); }, onError: (error) => sayFailed("Not saved", error), ...after });
  const clone = useMutation({
    mutationFn: (name: string) => answer(api.POST("/api/v1/roles/{name}/clone", { ...path, body: { name, by: BY } })),
    onSuccess: (made) => { setOpen(null); say(`${made.name} is a copy of ${role.name}`); void go(`/agents/roles/${encodeURIComponent(made.name)}`); }, onError: (error) => sayFailed("Not copied", error), ...after,
  });
  const remove = useMutation({ mutationFn: () => answer(api.DELETE("/api/v1/roles/{name}", path)), onSuccess: () => { say(`${role.name} is deleted`, { label: "Undo", run: () => void restore(role.name, role.version, 0).then(after.onSettled, (error: unknown) => sayFailed("Not restored", error)) }); void go("/agents/roles"); }, onError: (error) => sayFailed("Not deleted", error), ...after });
  const able = dirty && !newer && problems.length === 0 && online && !save.isPending;
  useKeys({ "mod+s": () => able && save.mutate() });
  const change = (more: Partial<Draft>) => setDraft((before) => ({ ...before, ...more }));
  const agents: [string, string][] = [["", "As the task says"], ...offered.map((offer): [string, string] => [offer.name, labelOf(offer)]), ...(draft.agent && !offered.some((offer) => offer.name === draft.agent) ? [[draft.agent, `${draft.agent} (no worker has it)`] as [string, string]] : [])];
  return (
    <>
      <div className="ph">
        <div>
          <PageHeading>{role.name}</PageHeading>
          <p>{role.built_in ? "It comes with muster: it can be changed, not deleted." : "A role of your own."} What a task says itself goes before what its role says.</p>
        </div>
        <div className="r">
          <Link className="btn g" to="/agents/roles">All roles</Link>
          <button type="button" className="btn" disabled={!online} onClick={() => setOpen("clone")}><Copy size={13} />Clone</button>
          {role.built_in ? null : <button type="button" className="btn d" disabled={!online} onClick={() => setOpen("delete")}><Trash2 size={13} />Delete</button>}
          <button type="button" className="btn" disabled={!dirty} onClick={begin}>Discard changes</button>
          <button type="button" className="btn p" disabled={!able} onClick={() => save.mutate()}>Save role</button>
        </div>
      </div>
      <div className="tabs" role="group" aria-label="Role">
        <button type="button" aria-pressed={tab === "prompt"} onClick={() => show({})}>Prompt</button>
        <button type="button" aria-pressed={tab === "versions"} onClick={() => show({ tab: "versions" })}>Versions<i>{role.version}</i></button>
      </div>
      {newer && dirty ? (
        <div className="overtaken" role="alert">
          <p>{role.updated_by ?? "Somebody"} saved version {role.version} while you changed version {base.version}. What you wrote is here still.</p>
          <button type="button" className="btn s" onClick={() => show({ tab: "versions", before: String(base.version), after: String(role.version) })}>See what changed</button>
          <button type="button" className="btn s" onClick={() => setBase(role)}>Keep mine over it</button>
        </div>
      ) : null}
      {tab === "versions" ? <Suspense fallback={<Skeleton rows={8} />}><Versions name={role.name} role={role} /></Suspense> : null}
      <div className="role-ed" style={tab === "prompt" ? undefined : { display: "none" }}>
        <div className="form">
          {problems.length > 0 ? <p className="bad text-failed" role="alert" style={{ fontSize: 12 }}>{problems.join(" ")}</p> : null}
          <div className="cols">
            <Select id="kind" label="Kind" value={draft.kind} onChange={(kind) => change({ kind: kind as Draft["kind"] })} options={KINDS} />
            <div style={{ gridColumn: "span 2" }}><Field id="description" label="Description"><Text id="description" value={draft.description} onChange={(description) => change({ description })} /></Field></div>
          </div>
          <Field id="system" label="System prompt" hint="Added to the agent's own."><textarea id="system" className="inp" rows={9} maxLength={65_536} value={draft.system_prompt} onChange={(event) => change({ system_prompt: event.target.value })} /></Field>
          <Field id="instructions" label="Your instructions" hint="Added behind the system prompt, so that a role can be suited to a place and still be updated."><textarea id="instructions" className="inp" rows={4} maxLength={65_536} value={draft.instructions} onChange={(event) => change({ instructions: event.target.value })} /></Field>
          <div className="cols">
            <Select id="agent" label="Agent" value={draft.agent} onChange={(agent) => change({ agent })} options={agents} />
            <Field id="model" label="Model"><Text id="model" value={draft.model} onChange={(model) => change({ model })} placeholder="The agent's default" /></Field>
            <Select id="permissions" label="Permissions" value={draft.permissions} onChange={(permissions) => change({ permissions })} options={PERMISSIONS} />
          </div>
          <div className="field">
            <label style={{ display: "flex", gap: 8, alignItems: "center", fontSize: 13 }}><input type="checkbox" checked={draft.limited} onChange={(event) => change({ limited: event.target.checked })} />Only these tools</label>
            {draft.limited ? <><textarea className="inp mono" rows={3} aria-label="Tools" spellCheck={false} value={draft.tools} placeholder={"Read\nGrep"} onChange={(event) => change({ tools: event.target.value })} /><span className="hint">Names as the agent knows them, one a line. None: no tools at all.</span></> : null}
          </div>
          <Servers servers={draft.servers} onChange={(servers) => change({ servers })} />
        </div>
        <div className="sticky"><Preview name={role.name} fields={problems.length === 0 ? fields : saved} dirty={dirty} /></div>
      </div>
      {open === "clone" ? <NameDialog title={`Clone ${role.name}`} action="Clone role" taken={names} busy={clone.isPending} onClose={() => setOpen(null)} onName={(name) => clone.mutate(name)}>{dirty ? "The saved role is copied, without what you changed and did not save." : "The copy is a role of your own."}</NameDialog> : null}
      {open === "delete" ? (
        <Dialog title={`Delete ${role.name}?`} onClose={() => setOpen(null)}>
          <p>Tasks that name it and have not begun will fail. Attempts that run keep what they were told.</p>
          <div className="b"><button type="button" className="btn" onClick={() => setOpen(null)}>Keep it</button><button type="button" className="btn x" onClick={() => { setOpen(null); remove.mutate(); }}>Delete role</button></div>
        </Dialog>
      ) : null}
    </>
  );
}
