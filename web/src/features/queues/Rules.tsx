import { answer, api } from "@/api/client";
import type { Queue } from "@/api/types";
import { Field, Select, Text } from "@/components/fields";
import { useAct } from "@/components/useAct";
import { useDraft } from "@/components/useDraft";
import { useOnline } from "@/live/live";
import { APPROVALS, MODES } from "./queries";

type Changes = { name?: string; mode?: Queue["mode"]; approval?: Queue["approval"]; concurrency?: number | null };

/** Name, who works it, whether results are reviewed, how many at once: each is saved as it is changed. */
export function Rules({ queue }: { queue: Queue }) {
  const online = useOnline();
  const draft = useDraft({ name: queue.name, limit: queue.concurrency === null ? "" : String(queue.concurrency) });
  const { name, limit } = draft.values;
  const save = useAct((body: Changes) => answer(api.PATCH("/api/v1/queues/{queue}", { params: { path: { queue: queue.id } }, body })), { failed: "Not saved", said: "Saved" });
  const bad = limit && !/^[1-9]\d{0,3}$/.test(limit) ? "A number from 1, or nothing." : "";
  const keepLimit = () => {
    if (!bad && draft.changed("limit")) draft.saving(save.mutateAsync({ concurrency: limit ? Number(limit) : null }));
  };
  const keepName = () => {
    if (name !== name.trim() || !name.trim()) draft.set({ name: name.trim() || queue.name });
    if (name.trim() && name.trim() !== queue.name) draft.saving(save.mutateAsync({ name: name.trim() }));
  };
  return (
    <form className="pl-rules" onSubmit={(event) => { event.preventDefault(); keepName(); keepLimit(); }}>
      <div onBlur={keepName}><Field id="rule-name" label="Name"><Text id="rule-name" value={name} onChange={(typed) => draft.set({ name: typed })} disabled={!online} /></Field></div>
      <Select id="rule-mode" label="Who works it" value={queue.mode} disabled={!online || save.isPending} options={MODES.map(([mode, label]) => [mode, label])} onChange={(mode) => save.mutate({ mode: mode as Queue["mode"] })} />
      <Select id="rule-approval" label="Results" value={queue.approval} disabled={!online || save.isPending} options={APPROVALS} onChange={(approval) => save.mutate({ approval: approval as Queue["approval"] })} />
      <div onBlur={keepLimit}><Field id="rule-limit" label="At once, at most" problem={bad}><Text id="rule-limit" value={limit} onChange={(typed) => draft.set({ limit: typed })} placeholder="No limit" bad={bad} disabled={!online} /></Field></div>
      <button type="submit" className="sr" tabIndex={-1}>Save</button>
    </form>
  );
}
