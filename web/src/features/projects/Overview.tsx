import { useQuery } from "@tanstack/react-query";
import { Link } from "react-router";
import { answer, api } from "@/api/client";
import { queues } from "@/api/queries";
import type { Project } from "@/api/types";
import { Field, Select, Text } from "@/components/fields";
import { StateGlyph } from "@/components/StateGlyph";
import { TimeAgo } from "@/components/TimeAgo";
import { useAct } from "@/components/useAct";
import { useDraft } from "@/components/useDraft";
import { count } from "@/lib/format";
import { type Shown, WORDS } from "@/lib/states";
import { useOnline } from "@/live/live";
import { Capital } from "./Capital";
import { ENFORCEMENT } from "./NewProject";
import { openIn } from "./queries";

export function Overview({ project }: { project: Project }) {
  const open = openIn(project);
  const base = `/projects/${project.id}/tasks`;
  const states: [Shown, number, string][] = [
    ["running", open.running ?? 0, "running"], ["queued", open.queued ?? 0, "queued"], ["succeeded", project.tasks.succeeded ?? 0, "succeeded"],
    ["failed", project.tasks.failed ?? 0, "failed"], ["cancelled", project.tasks.cancelled ?? 0, "cancelled"],
  ];
  const own = useQuery(queues).data?.items.filter((queue) => queue.project_id === project.id) ?? [];
  return (
    <div className="pl-two">
      <div>
        <section className="card pl-block"><h2>Tasks</h2><div className="pl-counts">
          {states.map(([state, amount, filter]) => <Link key={state} to={`${base}?state=${filter}`}><StateGlyph state={state} label="" /><b className="num">{count(amount)}</b>{WORDS[state]}</Link>)}
        </div></section>
        <section className="card pl-block"><h2>Money<Link to={`/projects/${project.id}/money`}>Ledger</Link></h2><Capital project={project} /></section>
        <section className="card pl-block"><h2>Queues</h2>
          {own.length > 0 ? <ul className="pl-links">{own.map((queue) => <li key={queue.id}><Link to={`/queues/${queue.id}`}>{queue.name}</Link></li>)}</ul> : <p className="mut">No queue is this project's own; its tasks may wait in any.</p>}
        </section>
      </div>
      <Details project={project} />
    </div>
  );
}

const PRIORITIES: [Project["priority"], string][] = [["high", "High"], ["medium", "Medium"], ["low", "Low"]];

function Details({ project }: { project: Project }) {
  const online = useOnline();
  const draft = useDraft({
    name: project.name, description: project.description, priority: project.priority, enforcement: project.enforcement, concurrency: project.concurrency === null ? "" : String(project.concurrency),
    working_dir: project.working_dir ?? "", repo_url: project.repo_url ?? "", default_branch: project.default_branch ?? "",
  });
  const { values: form, set } = draft;
  const changed = draft.changed();
  const bad = {
    name: form.name.trim() ? "" : "It needs a name.",
    concurrency: form.concurrency && !/^[1-9]\d{0,3}$/.test(form.concurrency) ? "A number from 1, or nothing." : "",
    working_dir: form.working_dir && !form.working_dir.startsWith("/") ? "A path from the root." : "",
  };
  const save = useAct(
    () => answer(api.PATCH("/api/v1/projects/{project}", {
      params: { path: { project: project.id } },
      body: {
        ...(draft.changed("name") ? { name: form.name.trim() } : {}),
        ...(draft.changed("description") ? { description: form.description } : {}),
        ...(draft.changed("priority") ? { priority: form.priority } : {}),
        ...(draft.changed("enforcement") ? { enforcement: form.enforcement } : {}),
        ...(draft.changed("concurrency") ? { concurrency: form.concurrency ? Number(form.concurrency) : null } : {}),
        ...(draft.changed("working_dir") ? { working_dir: form.working_dir || null } : {}),
        ...(draft.changed("repo_url") ? { repo_url: form.repo_url || null } : {}),
        ...(draft.changed("default_branch") ? { default_branch: form.default_branch || null } : {}),
      },
    })),
    { failed: "Not saved", said: "Saved" },
  );
  const fine = !bad.name && !bad.concurrency && !bad.working_dir;
  return (
    <section className="card pl-block" aria-label="Details">
      <h2>Details<span className="mut">since <TimeAgo at={project.created_at} /></span></h2>
      <form className="pl-form" noValidate onSubmit={(event) => { event.preventDefault(); if (changed && fine && online) draft.saving(save.mutateAsync()); }}>
        <Field id="p-name" label="Name" problem={bad.name}><Text id="p-name" value={form.name} onChange={(name) => set({ name })} bad={bad.name} /></Field>
        <Field id="p-words" label="Description"><textarea id="p-words" className="inp" rows={3} value={form.description} onChange={(event) => set({ description: event.target.value })} /></Field>
        <Select id="p-priority" label="Priority" value={form.priority} options={PRIORITIES} onChange={(value) => set({ priority: value as Project["priority"] })} />
        <Field id="p-limit" label="Tasks at once, at most" problem={bad.concurrency}><Text id="p-limit" value={form.concurrency} onChange={(concurrency) => set({ concurrency })} placeholder="No limit" bad={bad.concurrency} /></Field>
        <Select id="p-enforcement" label="When the money is used up" value={form.enforcement} options={ENFORCEMENT} onChange={(value) => set({ enforcement: value as Project["enforcement"] })} />
        <Field id="p-dir" label="Directory" problem={bad.working_dir}><Text id="p-dir" value={form.working_dir} onChange={(working_dir) => set({ working_dir })} mono bad={bad.working_dir} /></Field>
        <Field id="p-repo" label="Repository"><Text id="p-repo" value={form.repo_url} onChange={(repo_url) => set({ repo_url })} mono /></Field>
        <Field id="p-branch" label="Branch"><Text id="p-branch" value={form.default_branch} onChange={(default_branch) => set({ default_branch })} mono /></Field>
        <div className="b"><button type="submit" className="btn p" disabled={!changed || !fine || save.isPending || !online}>Save the details</button></div>
      </form>
    </section>
  );
}
