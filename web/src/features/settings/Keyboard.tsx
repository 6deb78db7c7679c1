import { RotateCcw } from "lucide-react";
import { useRef, useState } from "react";
import { type Action, ACTIONS, bind, type Bindings, conflicts, FIXED, keepBindings, keysOf, readBindings, shown, USUAL } from "@/lib/bindings";
import { useKept } from "@/lib/kept";
import { Recorder } from "./Recorder";
import { Switch } from "./Row";

function matches(action: Action, keys: string | null, words: string): boolean {
  const text = `${action.what} ${action.where} ${keys === null ? "off" : shown(keys)}`.toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

export default function Keyboard() {
  const [given] = useKept("keys", USUAL, readBindings);
  const [words, setWords] = useState("");
  const found = ACTIONS.filter((action) => matches(action, keysOf(action, given), words));
  const groups = Map.groupBy(found, (action) => action.where);
  const own = Object.keys(given.own).length;
  return (
    <>
      <Switch label="Single keys" hint="Keys without Ctrl or Cmd. Without them, those that are set off by accident or by speech do nothing." on={given.single} onChange={(single) => keepBindings({ ...given, single })} />
      <div className="keys-bar">
        <input className="inp" type="search" aria-label="Search shortcuts" placeholder="Search shortcuts" value={words} onChange={(event) => setWords(event.target.value)} />
        <button type="button" className="btn" disabled={own === 0} onClick={() => keepBindings({ ...given, own: {} })}><RotateCcw size={13} aria-hidden="true" />Reset all{own > 0 ? ` (${own})` : ""}</button>
      </div>
      {[...groups].map(([where, actions]) => (
        <section key={where} aria-label={where}>
          <h2 className="keys-h">{where}</h2>
          {actions.map((action) => <KeyRow key={action.id} action={action} given={given} />)}
        </section>
      ))}
      {found.length === 0 ? <p className="mut" role="status" style={{ padding: "12px 0" }}>No shortcut matches “{words}”.</p> : null}
      {words === "" ? (
        <section aria-label="Always the same">
          <h2 className="keys-h">Always the same</h2>
          {FIXED.map(([keys, what]) => <div key={keys} className="setting"><div>{what}</div><div className="c"><kbd className="kbd">{shown(keys)}</kbd></div></div>)}
        </section>
      ) : null}
    </>
  );
}

function KeyRow({ action, given }: { action: Action; given: Bindings }) {
  const [recording, setRecording] = useState(false);
  const [problem, setProblem] = useState("");
  const change = useRef<HTMLButtonElement>(null);
  const keys = keysOf(action, given);
  const clashes = keys === null ? [] : conflicts(action, keys, given);
  const done = (next: string | null, refused = "") => {
    setRecording(false);
    setProblem(refused);
    if (next !== null) bind(action, next, given);
    requestAnimationFrame(() => change.current?.focus());
  };
  const take = (pressed: string) => {
    const with_ = conflicts(action, pressed, given);
    if (with_.length === 0) done(pressed);
    else done(null, `${shown(pressed)} is ${with_.map((other) => `“${other.what}” (${other.where.toLowerCase()})`).join(" and ")}. Choose another, or change that first.`);
  };
  return (
    <div className="setting" data-action={action.id}>
      <div>
        {action.what}
        {problem ? <span className="bad" role="alert">{problem}</span> : clashes.length > 0 ? <span className="bad">The same keys as “{clashes[0]!.what}”.</span> : null}
      </div>
      <div className="c">
        {recording ? <Recorder what={action.what} onTaken={take} onRefused={(why) => done(null, why)} onCancel={() => done(null)} /> : <kbd className="kbd" data-off={keys === null || undefined}>{keys === null ? "off" : shown(keys)}</kbd>}
        {recording ? null : <button ref={change} type="button" className="btn s" aria-label={`Change the keys of ${action.what}`} onClick={() => { setProblem(""); setRecording(true); }}>Change</button>}
        {action.id in given.own
          ? <button type="button" className="btn s g" aria-label={`Reset the keys of ${action.what}`} onClick={() => take(action.keys)}>Reset</button>
          : <button type="button" className="btn s g" aria-label={`Switch off the keys of ${action.what}`} onClick={() => { setProblem(""); bind(action, null, given); }}>Off</button>}
      </div>
    </div>
  );
}
