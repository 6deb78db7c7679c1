import { FileText, X } from "lucide-react";
import { type ClipboardEvent, useState } from "react";
import { bytes, plural } from "@/lib/format";
import { added, inlined, isLong, linesOf, marked, type Pasted, unmarked } from "@/lib/pasted";
import { visible } from "@/lib/visible";
import { Dialog } from "./Dialog";

type Change = (text: string, pasted: Pasted[]) => void;

/** Takes a long paste apart; a short one goes into the words as ever. */
export function takePaste(event: ClipboardEvent<HTMLTextAreaElement>, pasted: Pasted[], onChange: Change): void {
  const text = event.clipboardData.getData("text/plain").replaceAll("\r\n", "\n");
  if (!isLong(text)) return;
  event.preventDefault();
  const box = event.currentTarget;
  const all = added(pasted, text);
  onChange(marked(box.value, all.at(-1)!, box.selectionStart, box.selectionEnd), all);
}

/** Long texts that were pasted, to open, take out, or put into the words after all. */
export function PastedTexts({ text, pasted, onChange }: { text: string; pasted: Pasted[]; onChange: Change }) {
  const [name, setName] = useState<string | null>(null);
  if (pasted.length === 0) return null;
  const open = pasted.find((one) => one.name === name);
  const without = (one: Pasted) => pasted.filter((other) => other !== one);
  return (
    <ul className="pasted" aria-label="Pasted texts">
      {pasted.map((one) => (
        <li key={one.name}>
          <button type="button" className="pasted-open" title="Open" onClick={() => setName(one.name)}><FileText size={13} aria-hidden="true" />{one.name}<span className="mut num">{plural(linesOf(one.text), "line")}, {bytes(new Blob([one.text]).size)}</span></button>
          <button type="button" className="ib" aria-label={`Remove ${one.name.toLowerCase()}`} onClick={() => onChange(unmarked(text, one), without(one))}><X size={13} /></button>
        </li>
      ))}
      {open ? (
        <Dialog title={open.name} onClose={() => setName(null)}>
          <p className="mut">{plural(linesOf(open.text), "line")}. It is sent below your words, under this name.</p>
          <pre className="pasted-text" tabIndex={0} aria-label={open.name}>{visible(open.text)}</pre>
          <div className="b">
            <button type="button" className="btn" onClick={() => { setName(null); onChange(inlined(text, open), without(open)); }}>Put into the words</button>
            <button type="button" className="btn p" data-first="" onClick={() => setName(null)}>Close</button>
          </div>
        </Dialog>
      ) : null}
    </ul>
  );
}
