import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { answer, api } from "@/api/client";
import { projects, queues, roles, sessions, task as taskQuery, workers } from "@/api/queries";
import { PageHeading, usePageTitle } from "@/components/Page";
import { PastedTexts, takePaste } from "@/components/PastedTexts";
import { Skeleton } from "@/components/States";
import { say, sayFailed } from "@/components/toasts";
import { useOnline } from "@/live/live";
import { firstOf, labelOf, offers } from "@/lib/offers";
import { plain } from "./paths";
import { type Draft, ELSEWHERE, EMPTY, fromTask, loadDraft, problemsOf, requestOf, saveDraft, SCRIPT, SCRIPTED } from "./draft";
import { Field, Select, Text } from "@/components/fields";
import { DirectoryPicker } from "./DirectoryPicker";
import { Standing } from "./Standing";
import { ThisWill } from "./ThisWill";

const TYPES: [Draft["type"], string][] = [["feature_implementation", "Build"], ["bug_fix", "Fix"], ["code_review", "Review"], ["documentation", "Docs"], ["custom", "Custom"]];
export function Component() {
  const [search] = useSearchParams();
  const from = search.get("from");
  const source = useQuery({ ...taskQuery(from ?? ""), enabled: from !== null });
  usePageTitle("New task");
  if (from && source.isPending) return <Skeleton rows={8} height={48} />;
  const given = Object.fromEntries([...search].filter(([name]) => name in EMPTY && name !== "pasted")) as Partial<Draft>;
  return <Form key={from ?? ""} initial={{ ...(source.data ? fromTask(source.data) : loadDraft()), ...given }} keep={from === null} focus={search.get("focus")} />;
}

function Form({ initial, keep, focus }: { initial: Draft; keep: boolean; focus: string | null }) {
  const go = useNavigate();
  const queries = useQueryClient();
  const online = useOnline();
  const [draft, setDraft] = useState(initial);
  const [touched, setTouched] = useState(false);
  const [another, setAnother] = useState(false);
  const places = useQuery(workers).data?.items;
  const known = offers(places ?? []);
  const offered = known.map((offer) => offer.name);
  const queueNames = useQuery(queues).data?.items.filter((queue) => queue.status === "active").map((queue) => queue.name) ?? [];
  const projectNames = useQuery(projects).data?.items.map((project) => project.name) ?? [];
  const openSessions = useQuery(sessions).data?.items ?? [];
  const roleNames = useQuery(roles).data?.items.map((role) => role.name) ?? [];
  const first = firstOf(known);
  useEffect(() => {
    // The agent that is there is chosen, so that the first task can run.
    if (draft.agent === "" && draft.role === "" && places) change({ agent: first ?? ELSEWHERE });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once, when the workers are known
  }, [places]);
  const change = (part: Partial<Draft>) => setDraft((before) => {
    const after = { ...before, ...part };
    if (part.agent === "scripted" && !before.options.trim()) after.options = SCRIPTED;
    else if (part.agent && part.agent !== "scripted" && before.options === SCRIPTED) after.options = "";
    if (keep) saveDraft(after);
    return after;
  });
  const create = useMutation({
    mutationFn: (_: { stay: boolean }) => answer(api.POST("/api/v1/tasks", { body: requestOf({ ...draft, directory: plain(draft.directory) }) })),
    onSuccess: (made, { stay }) => {
      if (keep) saveDraft(null);
      void queries.invalidateQueries();
      if (!stay) {
        say("Queued");
        void go(`/tasks/${made.id}`);
        return;
      }
      say(`Queued: ${made.title}`, { label: "Open", run: () => void go(`/tasks/${made.id}`) });
      setTouched(false);
      change({ prompt: "", pasted: [], title: "" });
      document.querySelector<HTMLElement>("#prompt")?.focus();
    },
    onError: (error) => sayFailed("Not queued", error),
  });
  const problems = problemsOf(draft);
  const shown = touched ? problems : {};
  const submit = (stay = another) => {
    setTouched(true);
    if (Object.keys(problems).length === 0 && online && !create.isPending) create.mutate({ stay });
  };
  const agentic = draft.agent !== SCRIPT && draft.agent !== ELSEWHERE;
  return (
    <>
      <div className="ph"><div><PageHeading>New task</PageHeading><p>Queue it, walk away, review what came back.</p></div></div>
      <div className="nt">
        <form className="form" noValidate onSubmit={(event) => { event.preventDefault(); submit(); }} onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(event.shiftKey || another); }}>
          <Field id="directory" label="Directory" problem={shown.directory} hint={draft.directory ? undefined : "On the machine that runs it. Without one the task gets an empty folder."}>
            <DirectoryPicker value={draft.directory} onChange={(directory) => change({ directory })} bad={shown.directory} />
            {draft.directory ? <Standing directory={draft.directory} agentic={agentic} own={draft.own} onOwn={(own) => change({ own })} /> : null}
          </Field>
          <fieldset className="field" style={{ padding: 0 }}>
            <legend className="lbl" style={{ padding: 0, fontWeight: 540 }}>Type</legend>
            <div className="seg" role="radiogroup" aria-label="Type" style={{ alignSelf: "flex-start" }}>
              {TYPES.map(([type, label]) => <button key={type} type="button" role="radio" aria-checked={draft.type === type} onClick={() => change({ type })}>{label}</button>)}
            </div>
          </fieldset>
          <Field id="prompt" label={draft.agent === SCRIPT ? "Script" : "Prompt"} problem={shown.prompt}>
            <textarea id="prompt" className="inp" rows={7} value={draft.prompt} autoFocus={focus !== "model"} onChange={(event) => change({ prompt: event.target.value })} onPaste={(event) => { if (draft.agent !== SCRIPT) takePaste(event, draft.pasted, (prompt, pasted) => change({ prompt, pasted })); }} aria-invalid={!!shown.prompt} aria-describedby={shown.prompt ? "prompt-bad" : undefined} placeholder={draft.agent === SCRIPT ? "make test" : "What is to be done, and how you will know that it is"} />
            <PastedTexts text={draft.prompt} pasted={draft.pasted} onChange={(prompt, pasted) => change({ prompt, pasted })} />
          </Field>
          <div className="cols">
            <Select id="agent" label="Agent" value={draft.agent} onChange={(agent) => change({ agent })} options={[...known.map((offer): [string, string] => [offer.name, labelOf(offer)]), ...(draft.agent && !offered.includes(draft.agent) && agentic ? [[draft.agent, `${draft.agent} (no worker has it)`] as [string, string]] : []), [SCRIPT, "None: a shell script"], [ELSEWHERE, "One that claims it over the API"]]} />
            <Select id="queue" label="Queue" value={draft.queue} onChange={(queue) => change({ queue })} options={[["", "As usual for its kind"], ...queueNames.map((name): [string, string] => [name, name])]} />
            <Select id="priority" label="Priority" value={draft.priority} onChange={(priority) => change({ priority: priority as Draft["priority"] })} options={[["urgent", "Urgent"], ["high", "High"], ["medium", "Medium"], ["low", "Low"]]} />
          </div>
          <details className="fold" open={draft.session !== "" || focus === "model" || undefined}>
            <summary>More: title, project, role, model, check, budget</summary>
            <div className="form" style={{ padding: "10px 0 0" }}>
              <Field id="title" label="Title" hint="Default: the first line of the prompt."><Text id="title" value={draft.title} onChange={(title) => change({ title })} /></Field>
              <div className="cols">
                <Select id="project" label="Project" value={draft.project} onChange={(project) => change({ project })} options={[["", "The queue's"], ...projectNames.map((name): [string, string] => [name, name])]} />
                <Select id="role" label="Role" value={draft.role} onChange={(role) => change({ role })} disabled={!agentic} options={[["", "None"], ...roleNames.map((name): [string, string] => [name, name])]} />
                <Field id="model" label="Model"><Text id="model" value={draft.model} onChange={(model) => change({ model })} placeholder="The agent's default" disabled={!agentic} focus={focus === "model"} /></Field>
              </div>
              {openSessions.length > 0 ? <Select id="session" label="Work session" value={draft.session} onChange={(session) => change({ session })} options={[["", "None"], ...openSessions.map((one): [string, string] => [one.id, one.name])]} /> : null}
              <div className="cols" style={{ gridTemplateColumns: "minmax(0, 2fr) minmax(0, 1fr)" }}>
                <Field id="check" label="Check" hint="A command that must succeed before it counts as done."><Text id="check" value={draft.check} onChange={(check) => change({ check })} placeholder="make test" mono /></Field>
                <Field id="cap" label="Budget cap" problem={shown.cap}><Text id="cap" value={draft.cap} onChange={(cap) => change({ cap })} placeholder="$ per attempt" bad={shown.cap} disabled={!agentic} /></Field>
              </div>
            </div>
          </details>
          {agentic ? (
            <label style={{ display: "flex", gap: 8, alignItems: "center", fontSize: 13 }}><input type="checkbox" checked={draft.ask} onChange={(event) => change({ ask: event.target.checked })} />Ask me before risky actions</label>
          ) : null}
          {agentic && (draft.agent === "scripted" || draft.options) ? (
            <Field id="options" label={draft.agent === "scripted" ? "What the scripted agent does" : "Agent options"} hint="JSON; see the reference of agent tasks." problem={shown.options}>
              <textarea id="options" className="inp mono" rows={6} value={draft.options} onChange={(event) => change({ options: event.target.value })} aria-invalid={!!shown.options} spellCheck={false} />
            </Field>
          ) : null}
          <div className="foot">
            {!online ? <span className="stale">Not connected: it cannot be queued now. What you wrote is kept.</span> : null}
            <label title="Ctrl Shift Enter queues it and stays here" style={{ display: "flex", gap: 6, alignItems: "center", marginRight: "auto", fontSize: "var(--t-xs)" }}><input type="checkbox" checked={another} onChange={(event) => setAnother(event.target.checked)} />Create another</label>
            <button type="button" className="btn g" onClick={() => { setDraft({ ...EMPTY, agent: first ?? ELSEWHERE }); saveDraft(null); setTouched(false); }}>Clear</button>
            <button type="submit" className="btn p" disabled={create.isPending || !online}>Add to queue<span className="kbd" style={{ background: "none", color: "inherit", borderColor: "currentColor" }}>Ctrl ↵</span></button>
          </div>
        </form>
        <ThisWill draft={draft} workers={places} />
      </div>
    </>
  );
}
