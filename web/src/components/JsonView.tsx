import { Copy } from "lucide-react";
import { visible } from "@/lib/visible";
import { say } from "./toasts";

const MOST = 200;
const LONG = 2_000;

/** A value as JSON: objects and lists fold, anything can be copied as a whole. */
export function JsonView({ value, label }: { value: unknown; label: string }) {
  return (
    <div className="json mono" role="group" aria-label={label}>
      <button type="button" className="btn s g copy" onClick={() => void navigator.clipboard.writeText(JSON.stringify(value, null, 2)).then(() => say("Copied"))}><Copy size={12} />Copy</button>
      <Node value={value} open />
    </div>
  );
}

function Node({ name, value, open = false }: { name?: string; value: unknown; open?: boolean }) {
  const key = name === undefined ? null : <span className="k">{visible(name)}: </span>;
  if (typeof value !== "object" || value === null) return <div>{key}<Leaf value={value} /></div>;
  const entries: [string, unknown][] = Array.isArray(value) ? value.map((one, index) => [String(index), one]) : Object.entries(value);
  const brackets = Array.isArray(value) ? "[]" : "{}";
  if (entries.length === 0) return <div>{key}{brackets}</div>;
  return (
    <details open={open}>
      <summary>{key}{brackets[0]}<span className="mut"> {entries.length} </span>{brackets[1]}</summary>
      <div className="kids">
        {entries.slice(0, MOST).map(([inner, one]) => <Node key={inner} name={inner} value={one} />)}
        {entries.length > MOST ? <div className="mut">and {entries.length - MOST} more; copy to see them</div> : null}
      </div>
    </details>
  );
}

function Leaf({ value }: { value: unknown }) {
  if (typeof value !== "string") return <span className="lit">{String(value)}</span>;
  const text = value.length > LONG ? `${value.slice(0, LONG)}… (${value.length} characters; copy to see them)` : value;
  return <span className="str">"{visible(text)}"</span>;
}
