import { type ReactNode, useRef, useState } from "react";
import { useOnline } from "@/live/live";
import { useAction } from "@/lib/actions";
import { useKeys } from "@/lib/keys";
import { useWords } from "./useWords";

export const STANDS = "It stands still: what you write is read once it goes on.";

interface BoxProps {
  agent: string;
  hint: string;
  busy: boolean;
  /** Whether it was taken; what was written stays otherwise. */
  onSend: (text: string) => Promise<boolean>;
  children?: ReactNode;
}

/** A box for words to an agent. `m` goes into it. */
export function WordsBox({ agent, hint, busy, onSend, children }: BoxProps) {
  const [text, setText] = useState("");
  const box = useRef<HTMLTextAreaElement>(null);
  const online = useOnline();
  useKeys({ m: () => box.current?.focus() });
  const submit = () => {
    const words = text.trim();
    if (!words || busy || !online) return;
    void onSend(words).then((taken) => taken && setText((now) => (now.trim() === words ? "" : now)));
  };
  return (
    <form className="composer" onSubmit={(event) => { event.preventDefault(); submit(); }}>
      <div className="grow">
        <textarea
          ref={box} className="inp" rows={text.includes("\n") ? 4 : 1} aria-label={`Message ${agent}`} placeholder={`Message ${agent}…`} value={text} maxLength={65_536}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); submit(); } else if (event.key === "Escape") box.current?.blur(); }}
        />
        <span className="hint">{online ? hint : "Not connected: it would not reach the server."}</span>
      </div>
      <button type="submit" className="btn p" disabled={busy || !online || !text.trim()}>Send<span className="kbd" aria-hidden="true">Ctrl ↵</span></button>
      {children}
    </form>
  );
}

/** Tells the agent at work on a task something, or makes it listen at once. */
export function Composer({ task, agent, paused }: { task: string; agent: string; paused: boolean }) {
  const words = useWords(task);
  useAction({ key: "interrupt", label: "Interrupt the agent", run: () => words.mutate({ kind: "interrupt" }) });
  const send = (text: string) => words.mutateAsync({ kind: "say", text }).then(() => true, () => false);
  return (
    <WordsBox agent={agent} hint={paused ? STANDS : "Read when its present step ends; an interrupt makes it listen at once."} busy={words.isPending} onSend={send}>
      <button type="button" className="btn" disabled={words.isPending} onClick={() => words.mutate({ kind: "interrupt" })}>Interrupt</button>
    </WordsBox>
  );
}
