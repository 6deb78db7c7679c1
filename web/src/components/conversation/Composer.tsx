import { type ReactNode, useRef, useState } from "react";
import { useOnline } from "@/live/live";
import { useAction } from "@/lib/actions";
import { count } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { joined, type Pasted } from "@/lib/pasted";
import { PastedTexts, takePaste } from "../PastedTexts";
import { useWords } from "./useWords";

const LONGEST = 65_536;
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
  const [pasted, setPasted] = useState<Pasted[]>([]);
  const box = useRef<HTMLTextAreaElement>(null);
  const online = useOnline();
  const words = joined(text, pasted);
  const over = words.length - LONGEST;
  useKeys({ m: () => box.current?.focus() });
  const submit = () => {
    if (!words || over > 0 || busy || !online) return;
    void onSend(words).then((taken) => { if (taken) { setText((now) => (now === text ? "" : now)); setPasted((now) => now.filter((one) => !pasted.includes(one))); } });
  };
  const change = (words: string, texts: Pasted[]) => { setText(words); setPasted(texts); box.current?.focus(); };
  return (
    <form className="composer" onSubmit={(event) => { event.preventDefault(); submit(); }}>
      <div className="grow">
        <textarea
          ref={box} className="inp" rows={text.includes("\n") ? 4 : 1} aria-label={`Message ${agent}`} placeholder={`Message ${agent}…`} value={text} maxLength={LONGEST}
          onPaste={(event) => takePaste(event, pasted, change)}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); submit(); } else if (event.key === "Escape") box.current?.blur(); }}
        />
        <PastedTexts text={text} pasted={pasted} onChange={change} />
        <span className={over > 0 ? "hint bad" : "hint"}>{over > 0 ? `Too long by ${count(over)} characters.` : online ? hint : "Not connected: it would not reach the server."}</span>
      </div>
      <button type="submit" className="btn p" disabled={busy || !online || !words || over > 0}>Send<span className="kbd" aria-hidden="true">Ctrl ↵</span></button>
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
