import { useEffect, useRef, useState } from "react";
import type { ReviewComment } from "@/api/types";
import { TimeAgo } from "@/components/TimeAgo";
import { cx } from "@/lib/cx";
import { visible } from "@/lib/visible";
import { isDraft, type ReviewActs, type Spot } from "./data";

interface ComposerProps {
  spot: Spot;
  /** How the lines read, for a suggestion. */
  lines: string;
  text?: string;
  busy: boolean;
  onSave: (text: string) => void;
  onCancel: () => void;
  /** Asks the agent at once, apart from the review. */
  ask?: { send: (text: string) => void; busy: boolean; /** Why it cannot be asked now. */ why: string | null };
}

const where = (first: number, last: number) => (first === last ? `line ${first}` : `lines ${first} to ${last}`);

/** Where a comment is written; nothing is sent before the review is. */
export function Composer({ spot, lines, text: before = "", busy, onSave, onCancel, ask }: ComposerProps) {
  const [text, setText] = useState(before);
  const box = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    box.current?.focus();
    box.current?.scrollIntoView({ block: "nearest" });
  }, []);
  const label = `Comment on ${where(spot.first, spot.last)}${spot.side === "old" ? " as it was before" : ""}`;
  const save = () => { if (text.trim()) onSave(text); };
  return (
    <div className="cm-box">
      <textarea
        ref={box} className="inp" rows={Math.min(Math.max(text.split("\n").length, 3), 14)} maxLength={10_000} aria-label={label} placeholder={label} value={text} onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") { event.preventDefault(); onCancel(); }
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); save(); }
        }}
      />
      <p className="cm-acts">
        <button type="button" className="btn s p" disabled={busy || !text.trim()} onClick={save}>{before ? "Save" : "Add comment"}</button>
        {ask ? <button type="button" className="btn s" disabled={ask.busy || ask.why !== null || !text.trim()} title={ask.why ?? "Its agent gets this with the lines now; it is no part of the review"} onClick={() => ask.send(text.trim())}>Ask agent now</button> : null}
        {lines && spot.side === "new" ? <button type="button" className="btn s" onClick={() => { setText(`${text}${text && !text.endsWith("\n") ? "\n" : ""}\`\`\`suggestion\n${lines}\n\`\`\`\n`); box.current?.focus(); }}>Suggest</button> : null}
        <button type="button" className="btn s g" onClick={onCancel}>Cancel</button>
      </p>
    </div>
  );
}

/** A comment where its lines are; a draft can be changed, one that was sent can be resolved. */
export function CommentView({ comment, acts, outdated = false, place = false }: { comment: ReviewComment; acts: ReviewActs; outdated?: boolean; /** Whether it says which lines it is about. */ place?: boolean }) {
  const [editing, setEditing] = useState(false);
  const draft = isDraft(comment);
  const spot: Spot = { path: comment.path, side: comment.side, first: comment.line, last: comment.end_line };
  const at = comment.now ? where(comment.now.line, comment.now.end_line) : where(comment.line, comment.end_line);
  if (editing) {
    return <Composer spot={spot} lines={comment.hunk} text={comment.text} busy={acts.change.isPending} onCancel={() => setEditing(false)} onSave={(text) => acts.change.mutate({ id: comment.id, body: { text } }, { onSuccess: () => setEditing(false) })} />;
  }
  return (
    <article className={cx("cm", comment.resolved_at !== null && "done")} aria-label={draft ? "Draft" : "Comment"}>
      <p className="cm-hd">
        <b>{visible(comment.by ?? "somebody")}</b>
        <TimeAgo at={comment.created_at} />
        {draft ? <span className="chip waiting">Draft</span> : null}
        {outdated ? <span className="chip">Outdated</span> : null}
        {comment.resolved_at ? <span className="chip succeeded">Resolved</span> : null}
        {place || comment.end_line !== comment.line || outdated ? <span className="mut">{at}{comment.side === "old" ? ", as it was before" : ""}</span> : null}
        <span className="r">
          {draft ? (
            <>
              <button type="button" className="btn s g" onClick={() => setEditing(true)}>Edit</button>
              <button type="button" className="btn s g" disabled={acts.remove.isPending} onClick={() => acts.remove.mutate(comment.id)}>Delete</button>
            </>
          ) : <button type="button" className="btn s g" disabled={acts.change.isPending} onClick={() => acts.change.mutate({ id: comment.id, body: { resolved: comment.resolved_at === null } })}>{comment.resolved_at ? "Open again" : "Resolve"}</button>}
        </span>
      </p>
      {outdated && comment.hunk ? <pre className="cm-hunk" tabIndex={0}>{visible(comment.hunk)}</pre> : null}
      <p className="cm-text">{visible(comment.text)}</p>
    </article>
  );
}
