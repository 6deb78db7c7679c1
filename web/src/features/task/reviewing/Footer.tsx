import { useEffect, useId, useRef, useState } from "react";
import type { TaskReview } from "@/api/types";
import { Dialog } from "@/components/Dialog";
import { plural } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { visible } from "@/lib/visible";
import { useOnline } from "@/live/live";
import { isDraft, type ReviewActs, type Verdict } from "./data";

interface FooterProps {
  review: TaskReview;
  acts: ReviewActs;
  /** The work that is shown: a verdict counts for it. */
  seen: { commit: string | null; attempt: number };
  unviewed: number;
  /** Whether there is a result to decide on. */
  open: boolean;
}

/** The decision stays in sight: what was said, what was not looked at, and the three ways. */
export function Footer({ review, acts, seen, unviewed, open }: FooterProps) {
  const online = useOnline();
  const [asking, setAsking] = useState<Verdict | null>(null);
  const drafts = review.comments.filter(isDraft).length;
  const busy = acts.give.isPending || !online;
  const send = (verdict: Verdict, note: string) => acts.give.mutate({ verdict, note, ...seen }, { onSuccess: () => setAsking(null) });
  useKeys(open ? { "mod+enter": () => setAsking(drafts > 0 ? "request_changes" : "approve") } : {});
  const facts = [drafts > 0 ? plural(drafts, "draft") : "No drafts", unviewed > 0 ? `${plural(unviewed, "file")} not viewed` : "every file viewed"];
  return (
    <section className="rv-foot" aria-label="Decision">
      <span className="mut">{facts.join(", ")}</span>
      <span className="cut" title={review.words}>{review.last || review.required ? visible(review.words) : ""}</span>
      {open ? (
        <span className="r">
          <button type="button" className="btn p" disabled={busy} onClick={() => (drafts > 0 ? setAsking("approve") : send("approve", ""))}>Approve</button>
          <button type="button" className="btn" disabled={busy} onClick={() => setAsking("request_changes")}>Request changes</button>
          <button type="button" className="btn d" disabled={busy} onClick={() => setAsking("reject")}>Reject</button>
          {review.state === "unseen" ? <button type="button" className="btn g" disabled={busy || acts.seen.isPending} title="No verdict: it is only no longer among those nobody looked at" onClick={() => acts.seen.mutate()}>Set aside</button> : null}
        </span>
      ) : null}
      {asking ? <Send verdict={asking} drafts={drafts} busy={busy} onSend={send} onClose={() => setAsking(null)} /> : null}
    </section>
  );
}

const WAYS: [Verdict, string, string][] = [
  ["approve", "Approve", "Those that wait for it go on, and it may be merged."],
  ["request_changes", "Request changes", "It goes back to its agent, with all of this as one message."],
  ["reject", "Reject", "It ends here; those that wait for it wait on."],
];

function Send({ verdict, drafts, busy, onSend, onClose }: { verdict: Verdict; drafts: number; busy: boolean; onSend: (verdict: Verdict, note: string) => void; onClose: () => void }) {
  const [way, setWay] = useState(verdict);
  const [note, setNote] = useState("");
  const [tried, setTried] = useState(false);
  const name = useId();
  const words = useRef<HTMLTextAreaElement>(null);
  useEffect(() => words.current?.focus(), []);
  const missing = note.trim() ? "" : way === "reject" ? "Say why it is rejected." : way === "request_changes" && drafts === 0 ? "Say what to change, or comment on lines." : "";
  const send = () => { setTried(true); if (!missing && !busy) onSend(way, note.trim()); };
  return (
    <Dialog title="Send the review" onClose={onClose}>
      <form noValidate className="rv-send" onSubmit={(event) => { event.preventDefault(); send(); }}>
        <fieldset className="rv-ways">
          <legend className="sr">Decision</legend>
          {WAYS.map(([key, label, means]) => (
            <label key={key}><input type="radio" name={name} checked={way === key} onChange={() => setWay(key)} /><span><b>{label}</b> <span className="mut">{means}</span></span></label>
          ))}
        </fieldset>
        <label className="rv-note">{way === "reject" ? "Why" : "Words for the whole"}
          <textarea
            ref={words} className="inp" rows={4} maxLength={60_000} value={note} aria-invalid={tried && missing !== ""} onChange={(event) => setNote(event.target.value)}
            onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); send(); } }}
          />
        </label>
        {tried && missing ? <p className="bad" role="alert">{missing}</p> : null}
        <p className="mut">{drafts > 0 ? `${plural(drafts, "draft")} will be sent with it.` : "There are no drafts."}</p>
        <div className="b">
          <button type="button" className="btn" onClick={onClose}>Not now</button>
          <button type="submit" className={way === "reject" ? "btn x" : "btn p"} disabled={busy}>{WAYS.find(([key]) => key === way)![1]}</button>
        </div>
      </form>
    </Dialog>
  );
}
