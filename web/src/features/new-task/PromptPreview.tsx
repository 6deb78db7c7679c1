import { useQuery } from "@tanstack/react-query";
import { Dialog } from "@/components/Dialog";
import { ErrorState, Skeleton } from "@/components/States";
import { say } from "@/components/toasts";
import { compact } from "@/lib/format";
import { visible } from "@/lib/visible";
import { type Draft, promptOf, titleOf } from "./draft";
import { prompted } from "./queries";

const QUEUE = "agents";

/** The exact text that an agent will be sent, in its parts. */
export function PromptPreview({ draft, onClose }: { draft: Draft; onClose: () => void }) {
  const { data, error, refetch } = useQuery(prompted({
    title: titleOf(draft) || "Untitled", prompt: promptOf(draft), queue: draft.queue || QUEUE,
    ...(draft.role ? { role: draft.role } : {}), ...(draft.session ? { session: draft.session } : {}), ...(draft.check ? { acceptance_command: draft.check } : {}),
  }));
  return (
    <Dialog title="The prompt as it is sent" onClose={onClose}>
      {error && !data ? <ErrorState what="The preview could not be made" error={error} retry={() => void refetch()} /> : !data ? <Skeleton rows={6} height={18} /> : (
        <>
          <p className="mut">About {compact(data.tokens)} tokens, without what the agent itself adds. A repository's skills and what earlier attempts came to are added when it runs.</p>
          {data.sections.map((section, index) => (
            <section key={index} className="pp-sec" aria-label={section.name}>
              <h3>{section.name[0]!.toUpperCase() + section.name.slice(1)}<span className="mut">{section.part === "system" ? "system prompt" : "first message"}</span><span className="num">about {compact(section.tokens)}</span></h3>
              <pre tabIndex={0}>{visible(section.text)}</pre>
            </section>
          ))}
        </>
      )}
      <div className="b">
        {data ? <button type="button" className="btn" onClick={() => void navigator.clipboard.writeText([data.system, data.user].filter(Boolean).join("\n\n")).then(() => say("Copied"))}>Copy</button> : null}
        <button type="button" className="btn p" onClick={onClose}>Close</button>
      </div>
    </Dialog>
  );
}
