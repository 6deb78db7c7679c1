import { answer, api } from "@/api/client";
import type { Queue } from "@/api/types";
import { useAct } from "@/components/useAct";
import { useDraft } from "@/components/useDraft";
import { compact } from "@/lib/format";
import { useOnline } from "@/live/live";

/** About four characters are a token. */
const CHARACTERS = 4;

/** What everybody who works a task of this queue is told. */
export function Instructions({ queue }: { queue: Queue }) {
  const online = useOnline();
  const draft = useDraft({ text: queue.instructions });
  const { text } = draft.values;
  const save = useAct(
    () => answer(api.PATCH("/api/v1/queues/{queue}", { params: { path: { queue: queue.id } }, body: { instructions: text } })),
    { failed: "Not saved", said: "Saved: tasks that start from now on are given it" },
  );
  const changed = draft.changed();
  return (
    <form className="pl-pad pl-form" onSubmit={(event) => { event.preventDefault(); draft.saving(save.mutateAsync()); }}>
      <div className="field">
        <label htmlFor="instructions">Standing instructions</label>
        <textarea
          id="instructions" className="inp" rows={12} value={text} placeholder="Run the tests before you finish. Keep public interfaces as they are."
          onChange={(event) => draft.set({ text: event.target.value })}
          onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && changed && online) draft.saving(save.mutateAsync()); }}
        />
        <span className="hint">Whoever works a task of this queue is given them before the prompt. About {compact(Math.ceil(text.length / CHARACTERS))} tokens, for every task.</span>
        {draft.overtaken("text") ? <span className="bad" role="status">Somebody saved other instructions since you began. Save to replace them, undo your changes to see them.</span> : null}
      </div>
      <div className="b">
        {changed ? <button type="button" className="btn g" onClick={draft.drop}>Undo the changes</button> : null}
        <button type="submit" className="btn p" disabled={!changed || !online || save.isPending}>Save the instructions</button>
      </div>
    </form>
  );
}
