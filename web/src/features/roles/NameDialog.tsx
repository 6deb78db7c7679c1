import { type ReactNode, useState } from "react";
import { Dialog } from "@/components/Dialog";
import { Field, Text } from "@/components/fields";

interface NameProps {
  title: string;
  action: string;
  taken: string[];
  busy: boolean;
  onName: (name: string) => void;
  onClose: () => void;
  children: ReactNode;
}

/** Asks for the name of a role that is to be. */
export function NameDialog({ title, action, taken, busy, onName, onClose, children }: NameProps) {
  const [name, setName] = useState("");
  const wanted = name.trim();
  const problem = taken.includes(wanted) ? "There is such a role already." : wanted.includes("/") ? "Without a slash, please." : undefined;
  return (
    <Dialog title={title} onClose={onClose}>
      <p className="sub" style={{ fontSize: 13 }}>{children}</p>
      <form style={{ display: "flex", flexDirection: "column", gap: 12 }} onSubmit={(event) => { event.preventDefault(); if (wanted && !problem && !busy) onName(wanted); }}>
        <Field id="role-name" label="Name" problem={problem}><Text id="role-name" value={name} onChange={setName} placeholder="security-reviewer" bad={problem} /></Field>
        <div className="b">
          <button type="button" className="btn" onClick={onClose}>Close</button>
          <button type="submit" className="btn p" disabled={!wanted || !!problem || busy}>{action}</button>
        </div>
      </form>
    </Dialog>
  );
}
