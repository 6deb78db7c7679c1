import { useState } from "react";
import { answer, api } from "@/api/client";
import type { Queue } from "@/api/types";
import { Dialog } from "@/components/Dialog";
import { Field, Select, Text } from "@/components/fields";
import { useAct } from "@/components/useAct";
import { useOnline } from "@/live/live";
import { APPROVALS, MODES } from "./queries";

export function NewQueue({ onClose, onMade }: { onClose: () => void; onMade: (queue: Queue) => void }) {
  const online = useOnline();
  const [name, setName] = useState("");
  const [mode, setMode] = useState<Queue["mode"]>("auto");
  const [approval, setApproval] = useState<Queue["approval"]>("relaxed");
  const [limit, setLimit] = useState("");
  const [instructions, setInstructions] = useState("");
  const [touched, setTouched] = useState(false);
  const make = useAct(
    () => answer(api.POST("/api/v1/queues", { body: { name: name.trim(), mode, approval, instructions, concurrency: limit ? Number(limit) : null } })),
    { failed: "Not made", said: (made) => `Queue ${made.name} is there`, then: (made) => onMade(made) },
  );
  const bad = { name: name.trim() ? "" : "It needs a name.", limit: limit && !/^[1-9]\d{0,3}$/.test(limit) ? "A number from 1, or nothing." : "" };
  const submit = () => {
    setTouched(true);
    if (!bad.name && !bad.limit && online) make.mutate();
  };
  return (
    <Dialog title="New queue" onClose={onClose}>
      <form noValidate className="pl-form" onSubmit={(event) => { event.preventDefault(); submit(); }}>
        <Field id="queue-name" label="Name" problem={touched ? bad.name : ""}><Text id="queue-name" value={name} onChange={setName} bad={touched ? bad.name : ""} placeholder="nightly" /></Field>
        <Select id="queue-mode" label="Who works it" value={mode} options={MODES.map(([key, label]) => [key, label])} onChange={(value) => setMode(value as Queue["mode"])} />
        <Select id="queue-approval" label="Results" value={approval} options={APPROVALS} onChange={(value) => setApproval(value as Queue["approval"])} />
        <Field id="queue-limit" label="At once, at most" hint="Empty: no limit." problem={touched ? bad.limit : ""}><Text id="queue-limit" value={limit} onChange={setLimit} bad={touched ? bad.limit : ""} /></Field>
        <Field id="queue-words" label="Standing instructions" hint="Whoever works a task of this queue is given them.">
          <textarea id="queue-words" className="inp" rows={4} value={instructions} onChange={(event) => setInstructions(event.target.value)} />
        </Field>
        <div className="b">
          <button type="button" className="btn" onClick={onClose}>Cancel</button>
          <button type="submit" className="btn p" disabled={make.isPending || !online}>Make the queue</button>
        </div>
      </form>
    </Dialog>
  );
}
