import { Check } from "lucide-react";
import { type ReactNode, useId, useState } from "react";

interface RowProps {
  label: string;
  hint?: ReactNode;
  /** What is set; when it changes, a check mark says that it is kept. */
  value: unknown;
  children: (ids: { id: string; hint: string }) => ReactNode;
}

/** One setting: what it is, what it means, and how it is set. It is kept at once. */
export function Row({ label, hint, value, children }: RowProps) {
  const id = useId();
  const text = JSON.stringify(value);
  const [first] = useState(text);
  const [changed, setChanged] = useState(0);
  const [last, setLast] = useState(first);
  if (text !== last) {
    setLast(text);
    setChanged(changed + 1);
  }
  return (
    <div className="setting">
      <div>
        <label htmlFor={id} id={`${id}-label`}>{label}</label>
        {hint ? <span className="hint" id={`${id}-hint`}>{hint}</span> : null}
      </div>
      <div className="c">
        <span className="kept" role="status">{changed > 0 ? <span key={changed}><Check size={14} aria-hidden="true" /><span className="sr">{label}: kept</span></span> : null}</span>
        {children({ id, hint: `${id}-hint` })}
      </div>
    </div>
  );
}

interface ChoiceProps<T extends string | number> {
  label: string;
  hint: string;
  value: T;
  options: readonly [T, string][];
  onChange: (value: T) => void;
}

export function Choice<T extends string | number>({ label, hint, value, options, onChange }: ChoiceProps<T>) {
  return (
    <Row label={label} hint={hint} value={value}>
      {(ids) => (
        <div id={ids.id} className="seg" role="group" aria-labelledby={`${ids.id}-label`} aria-describedby={ids.hint}>
          {options.map(([option, text]) => <button key={option} type="button" aria-pressed={value === option} onClick={() => onChange(option)}>{text}</button>)}
        </div>
      )}
    </Row>
  );
}

export function Switch({ label, hint, on, disabled, onChange }: { label: string; hint?: ReactNode; on: boolean; disabled?: boolean; onChange: (on: boolean) => void }) {
  return (
    <Row label={label} hint={hint} value={on}>
      {(ids) => <input id={ids.id} type="checkbox" role="switch" className="switch" checked={on} disabled={disabled} aria-describedby={hint ? ids.hint : undefined} onChange={(event) => onChange(event.target.checked)} />}
    </Row>
  );
}
