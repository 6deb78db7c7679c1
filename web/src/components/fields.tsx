import type { ReactNode } from "react";
import { cx } from "@/lib/cx";

export function Field({ id, label, hint, problem, children }: { id: string; label: string; hint?: string; problem?: string; children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children}
      {problem ? <span className="bad" id={`${id}-bad`} role="alert">{problem}</span> : hint ? <span className="hint">{hint}</span> : null}
    </div>
  );
}

interface TextProps {
  id: string;
  value: string;
  onChange: (value: string) => void;
  placeholder?: string;
  bad?: string;
  mono?: boolean;
  disabled?: boolean;
  focus?: boolean;
}

export function Text({ id, value, onChange, placeholder, bad, mono, disabled, focus }: TextProps) {
  return <input id={id} className={cx("inp", mono && "mono")} value={value} disabled={disabled} autoFocus={focus} placeholder={placeholder} aria-invalid={!!bad} aria-describedby={bad ? `${id}-bad` : undefined} onChange={(event) => onChange(event.target.value)} />;
}

export function Select({ id, label, value, options, onChange, disabled }: { id: string; label: string; value: string; options: [string, string][]; onChange: (value: string) => void; disabled?: boolean }) {
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} className="inp" value={value} disabled={disabled} onChange={(event) => onChange(event.target.value)}>
        {options.map(([key, text]) => <option key={key} value={key}>{text}</option>)}
      </select>
    </div>
  );
}
