import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { answer, api } from "@/api/client";
import { useAsked } from "@/api/queries";
import type { Script, ScriptInput } from "@/api/types";
import { Field, Text } from "@/components/fields";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { TaskRows } from "@/components/TaskRows";
import { useAct } from "@/components/useAct";
import { duration } from "@/lib/format";
import { useOnline } from "@/live/live";
import { inputsOf, problemsOf, startOf, type Values } from "./inputs";

/** A script: what it says of itself, a form to run it, and its last runs. */
export function ScriptPage({ script }: { script: Script }) {
  return (
    <section className="card pl-card" aria-label={`Script ${script.name}`}>
      <p className="only-small"><Link to="/scripts" className="btn s">All scripts</Link></p>
      <div className="pl-head"><div><h2>{script.name}</h2><p className="sub">{script.description || "It does not say what it does."}</p></div></div>
      <dl className="dl pl-pad">
        <dt>File</dt><dd className="mono" style={{ overflowWrap: "anywhere" }}>{script.path}</dd>
        <dt>Kind</dt><dd>{script.kind}</dd>
        <dt>Class</dt><dd>{script.task_class ?? "the usual one"}</dd>
        <dt>Timeout</dt><dd>{script.timeout_seconds ? duration(script.timeout_seconds) : "its class's"}</dd>
        {script.outputs.length > 0 ? <><dt>Gives</dt><dd>{script.outputs.map((one) => (one.description ? `${one.name} (${one.description})` : one.name)).join(", ")}</dd></> : null}
        {script.tags.length > 0 ? <><dt>Tags</dt><dd>{script.tags.join(", ")}</dd></> : null}
      </dl>
      <Run script={script} />
      <Runs script={script} />
    </section>
  );
}

function Run({ script }: { script: Script }) {
  const go = useNavigate();
  const online = useOnline();
  const [values, setValues] = useState(() => startOf(script.inputs));
  const [touched, setTouched] = useState(false);
  const run = useAct(
    () => answer(api.POST("/api/v1/scripts/{name}/enqueue", { params: { path: { name: script.name } }, body: { inputs: inputsOf(script.inputs, values) } as never })),
    { failed: "Not queued", said: "Queued", then: (made) => void go(`/tasks/${made.id}`) },
  );
  const problems = problemsOf(script.inputs, values);
  const submit = () => {
    setTouched(true);
    if (Object.keys(problems).length === 0 && online) run.mutate();
  };
  return (
    <form className="pl-pad pl-form" aria-label={`Run ${script.name}`} noValidate onSubmit={(event) => { event.preventDefault(); submit(); }}>
      {script.inputs.length === 0 ? <p className="mut">It takes no inputs.</p> : null}
      {script.inputs.map((input) => <Input key={input.name} input={input} values={values} problem={touched ? problems[input.name] : undefined} onChange={(value) => setValues((before) => ({ ...before, [input.name]: value }))} />)}
      <div className="b"><button type="submit" className="btn p" disabled={run.isPending || !online}>Run the script</button></div>
    </form>
  );
}

function Input({ input, values, problem, onChange }: { input: ScriptInput; values: Values; problem?: string; onChange: (value: string | boolean) => void }) {
  const id = `input-${input.name}`;
  const value = values[input.name] ?? "";
  const hint = [input.description, input.type !== "string" && input.type !== "choice" ? { int: "A whole number.", float: "A number.", bool: "" }[input.type] : ""].filter(Boolean).join(" ");
  const label = `${input.name}${input.required ? "" : " (may be left out)"}`;
  if (input.type === "bool") {
    return <label className="pl-check"><input type="checkbox" checked={value === true} onChange={(event) => onChange(event.target.checked)} />{input.name}{hint ? <span className="mut">{hint}</span> : null}</label>;
  }
  if (input.type === "choice") {
    return (
      <Field id={id} label={label} hint={hint} problem={problem}>
        <select id={id} className="inp" value={String(value)} aria-invalid={!!problem} onChange={(event) => onChange(event.target.value)}>
          {value === "" || !input.required ? <option value="">—</option> : null}
          {input.choices.map((choice) => <option key={choice} value={choice}>{choice}</option>)}
        </select>
      </Field>
    );
  }
  return <Field id={id} label={label} hint={hint} problem={problem}><Text id={id} value={String(value)} onChange={onChange} bad={problem} /></Field>;
}

function Runs({ script }: { script: Script }) {
  const asked = useAsked();
  const list = useQuery({
    queryKey: ["tasks", "of script", script.name],
    queryFn: () => answer(api.GET("/api/v1/tasks", { params: { query: { tag: `script:${script.name}`, limit: 20 } } })),
  });
  return (
    <>
      <h3 className="sec pl-sec">Last runs</h3>
      {list.isError && !list.data ? <ErrorState what="The runs could not be loaded" error={list.error} retry={() => void list.refetch()} />
        : !list.data ? <Skeleton rows={3} />
        : list.data.items.length === 0 ? <EmptyState title="It has not been run yet" />
        : <TaskRows rows={list.data.items} asked={asked} label="Last runs" keys={false} />}
    </>
  );
}
