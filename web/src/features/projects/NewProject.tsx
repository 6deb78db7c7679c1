import { useState } from "react";
import { answer, api } from "@/api/client";
import type { Project } from "@/api/types";
import { Dialog } from "@/components/Dialog";
import { Field, Select, Text } from "@/components/fields";
import { useAct } from "@/components/useAct";
import { useOnline } from "@/live/live";

const AMOUNT = /^\d{1,7}(\.\d{1,6})?$/;
export const ENFORCEMENT: [Project["enforcement"], string][] = [["hard", "Hand out nothing more"], ["soft", "Only show it"]];

export function NewProject({ onClose, onMade }: { onClose: () => void; onMade: (project: Project) => void }) {
  const online = useOnline();
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [budget, setBudget] = useState("");
  const [directory, setDirectory] = useState("");
  const [enforcement, setEnforcement] = useState<Project["enforcement"]>("hard");
  const [touched, setTouched] = useState(false);
  const bad = {
    name: name.trim() ? "" : "It needs a name.",
    budget: budget && !AMOUNT.test(budget) ? "An amount in dollars, or nothing." : "",
    directory: directory && !directory.startsWith("/") ? "A path from the root." : "",
  };
  const make = useAct(
    () => answer(api.POST("/api/v1/projects", { body: { name: name.trim(), description, status: "active", priority: "medium", enforcement, budget_usd: budget ? Number(budget) : null, working_dir: directory || null } })),
    { failed: "Not made", said: (made) => `Project ${made.name} is there`, then: (made) => onMade(made) },
  );
  const shown = touched ? bad : { name: "", budget: "", directory: "" };
  const submit = () => {
    setTouched(true);
    if (!bad.name && !bad.budget && !bad.directory && online) make.mutate();
  };
  return (
    <Dialog title="New project" onClose={onClose}>
      <form noValidate className="pl-form" onSubmit={(event) => { event.preventDefault(); submit(); }}>
        <Field id="project-name" label="Name" problem={shown.name}><Text id="project-name" value={name} onChange={setName} bad={shown.name} placeholder="website" /></Field>
        <Field id="project-words" label="Description"><textarea id="project-words" className="inp" rows={3} value={description} onChange={(event) => setDescription(event.target.value)} /></Field>
        <Field id="project-budget" label="Capital" hint="In dollars. Empty: no limit." problem={shown.budget}><Text id="project-budget" value={budget} onChange={setBudget} bad={shown.budget} placeholder="80" /></Field>
        <Select id="project-limit" label="When it is used up" value={enforcement} options={ENFORCEMENT} onChange={(value) => setEnforcement(value as Project["enforcement"])} />
        <Field id="project-dir" label="Directory" problem={shown.directory}><Text id="project-dir" value={directory} onChange={setDirectory} bad={shown.directory} placeholder="/home/me/website" mono /></Field>
        <div className="b">
          <button type="button" className="btn" onClick={onClose}>Cancel</button>
          <button type="submit" className="btn p" disabled={make.isPending || !online}>Make the project</button>
        </div>
      </form>
    </Dialog>
  );
}
