import { useId, useState } from "react";

interface WordsProps {
  what: "reject" | "ask";
  busy: boolean;
  small?: boolean;
  onSend: (words: string) => void;
  onBack: () => void;
}

const SAID = {
  reject: { label: "Why not", hint: "Why not? Its agent reads this.", send: "Reject", offers: ["Not now", "Too risky here", "Find another way", "Out of scope"] },
  ask: { label: "What you want to know", hint: "What do you want to know?", send: "Ask", offers: ["Why is this needed?", "What does it change?", "Is there a safer way?"] },
};

/** One line for its agent: why not, or what should be said first. */
export function Words({ what, busy, small, onSend, onBack }: WordsProps) {
  const [words, setWords] = useState("");
  const said = SAID[what];
  const id = useId();
  return (
    <form className="dc-words" onSubmit={(event) => { event.preventDefault(); if (words.trim()) onSend(words.trim()); }}>
      <input
        className="inp" aria-label={said.label} placeholder={said.hint} value={words} maxLength={2_000} required autoFocus aria-describedby={id}
        onChange={(event) => setWords(event.target.value)}
        onKeyDown={(event) => { if (event.key === "Escape") { event.stopPropagation(); onBack(); } }}
      />
      <div className="dc-offers">
        {said.offers.map((offer) => <button key={offer} type="button" className="chip" onClick={() => setWords(offer)}>{offer}</button>)}
      </div>
      {what === "ask" ? <p id={id} className="note">Nothing is approved. Its agent is told to wait with this and reads your question; it asks again when it has answered.</p> : <span id={id} className="sr">Its agent is told the reason.</span>}
      <div className="b act">
        <button type="submit" className={`btn p${small ? " s" : " grow"}`} disabled={busy || !words.trim()}>{said.send}</button>
        <button type="button" className={`btn g${small ? " s" : ""}`} onClick={onBack}>Back</button>
      </div>
    </form>
  );
}
