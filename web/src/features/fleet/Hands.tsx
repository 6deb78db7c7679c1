import { type RefObject, useState } from "react";
import { useNavigate } from "react-router";
import type { FleetRow } from "@/api/types";
import { ContextMenu } from "@/components/ContextMenu";
import { Dialog } from "@/components/Dialog";
import { say } from "@/components/toasts";
import { Dots, focusedRow, usePicking } from "@/components/RowHands";
import { useKeys } from "@/lib/keys";
import { NOTHING, type Picked } from "@/lib/picking";
import { usePeek } from "@/lib/usePeek";
import { useOnline } from "@/live/live";
import { agentsIn, atWork, useActs } from "./acts";
import { keyOf } from "./rows";

interface HandsProps {
  /** Around the rows. */
  box: RefObject<HTMLElement | null>;
  rows: FleetRow[];
  /** The row that keys are about. */
  chosen: string | null;
  picked: Picked;
  onPick: (picked: Picked) => void;
  onPeek: (row: FleetRow) => void;
}

type Asked = { what: "stop" | "say"; rows: FleetRow[] };

/** What can be done with rows of the fleet: a menu for one, a bar for those that are picked, keys for both. */
export default function Hands({ box, rows, chosen, picked: before, onPick, onPeek }: HandsProps) {
  const go = useNavigate();
  const act = useActs();
  const online = useOnline();
  const { at: peeking } = usePeek();
  const [menu, setMenu] = useState<{ row: FleetRow; x: number; y: number } | null>(null);
  const [asked, setAsked] = useState<Asked | null>(null);
  const find = (key: string | undefined) => rows.find((row) => keyOf(row) === key);
  const open = (key: string, x: number, y: number) => { const row = find(key); if (row) setMenu({ row, x, y }); };
  const { chose, keys } = usePicking({ box, rows, keyOf, chosen, picked: before, onPick, onMenu: open, peeking: peeking !== null });
  const meant = () => (chose.length > 0 ? chose : [find(focusedRow() ?? chosen ?? undefined)].filter((row) => row !== undefined));
  const ask = (what: Asked["what"]) => () => { const those = atWork(meant()); if (those.length > 0 && online) setAsked({ what, rows: those }); };
  const pause = () => {
    const those = atWork(meant());
    if (those.length > 0 && online) void act(those.every((row) => row.state === "paused") ? "resume" : "pause", those);
  };
  useKeys({
    p: pause, s: ask("stop"), m: ask("say"),
    ...keys,
  });
  return (
    <>
      <Dots box={box} name={(key) => find(key)?.name} onOpen={open} />
      {menu ? <RowMenu row={menu.row} at={menu} online={online} onClose={() => setMenu(null)} onPeek={onPeek} onAsk={(what, row) => setAsked({ what, rows: [row] })} onAct={(what, row) => void act(what, [row])} onGo={(path) => void go(path)} /> : null}
      <Bar rows={chose} online={online} onAct={(what) => void act(what, chose)} onAsk={(what) => setAsked({ what, rows: atWork(chose) })} onClear={() => onPick(NOTHING)} />
      {asked?.what === "stop" ? <Stop rows={asked.rows} onClose={() => setAsked(null)} onStop={() => { setAsked(null); void act("stop", asked.rows).then(() => onPick(NOTHING)); }} /> : null}
      {asked?.what === "say" ? <Say rows={asked.rows} onClose={() => setAsked(null)} onSay={(text) => { setAsked(null); void act("say", asked.rows, text); }} /> : null}
    </>
  );
}

interface RowMenuProps {
  row: FleetRow;
  at: { x: number; y: number };
  online: boolean;
  onClose: () => void;
  onPeek: (row: FleetRow) => void;
  onAsk: (what: "stop" | "say", row: FleetRow) => void;
  onAct: (what: "pause" | "resume", row: FleetRow) => void;
  onGo: (path: string) => void;
}

function RowMenu({ row, at, online, onClose, onPeek, onAsk, onAct, onGo }: RowMenuProps) {
  const able = online && atWork([row]).length > 0;
  const paused = row.state === "paused";
  const agent = `/agents/${encodeURIComponent(row.agent_id)}`;
  return (
    <ContextMenu
      label={`Actions of ${row.name}`} at={at} onClose={onClose}
      items={[
        { label: "Peek", run: () => onPeek(row) },
        { label: "Open task", run: () => onGo(`/tasks/${row.task_id}`), disabled: row.task_id === null },
        { label: "Open agent", run: () => onGo(agent) },
        null,
        { label: "Message…", run: () => onAsk("say", row), disabled: !able },
        { label: paused ? "Resume" : "Pause", run: () => onAct(paused ? "resume" : "pause", row), disabled: !able },
        { label: "Stop…", run: () => onAsk("stop", row), disabled: !able, danger: true },
        null,
        { label: "Copy id", run: () => void navigator.clipboard.writeText(row.agent_id).then(() => say("Id copied")) },
      ]}
    />
  );
}

function Bar({ rows, online, onAct, onAsk, onClear }: { rows: FleetRow[]; online: boolean; onAct: (what: "pause" | "resume") => void; onAsk: (what: "stop" | "say") => void; onClear: () => void }) {
  const able = online && atWork(rows).length > 0;
  if (rows.length === 0) return null;
  return (
    <div className="ib-bulk" role="region" aria-label="Selected agents">
      <span role="status" className="num">{rows.length} selected</span>
      <button type="button" className="btn" disabled={!able} onClick={() => onAct("pause")}>Pause</button>
      <button type="button" className="btn" disabled={!able} onClick={() => onAct("resume")}>Resume</button>
      <button type="button" className="btn" disabled={!able} onClick={() => onAsk("say")}>Message</button>
      <button type="button" className="btn d" disabled={!able} onClick={() => onAsk("stop")}>Stop</button>
      <button type="button" className="btn g" onClick={onClear}>Clear</button>
    </div>
  );
}

function Stop({ rows, onClose, onStop }: { rows: FleetRow[]; onClose: () => void; onStop: () => void }) {
  return (
    <Dialog title={rows.length === 1 ? `Stop ${rows[0]!.name}?` : `Stop ${agentsIn(rows)}?`} onClose={onClose}>
      <p>{rows.length === 1 ? `“${rows[0]!.task}” is cancelled and what runs for it ends now.` : `${rows.length} tasks are cancelled and what runs for them ends now.`} Branches, output and conversations stay.</p>
      <div className="b">
        <button type="button" className="btn" onClick={onClose}>Let {rows.length === 1 ? "it" : "them"} go on</button>
        <button type="button" className="btn x" onClick={onStop}>Stop and cancel {rows.length === 1 ? "the task" : `${rows.length} tasks`}</button>
      </div>
    </Dialog>
  );
}

function Say({ rows, onClose, onSay }: { rows: FleetRow[]; onClose: () => void; onSay: (text: string) => void }) {
  const [text, setText] = useState("");
  const send = () => { if (text.trim()) onSay(text.trim()); };
  return (
    <Dialog title={rows.length === 1 ? `Message ${rows[0]!.name}` : `Message ${agentsIn(rows)}`} onClose={onClose}>
      <form className="field" onSubmit={(event) => { event.preventDefault(); send(); }} onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(); }}>
        <label htmlFor="fleet-say">Message</label>
        <textarea id="fleet-say" data-first className="inp" rows={4} maxLength={65_536} value={text} onChange={(event) => setText(event.target.value)} />
        <span className="hint">Read when the present step ends.</span>
        <div className="b" style={{ marginTop: 8 }}>
          <button type="button" className="btn" onClick={onClose}>Close</button>
          <button type="submit" className="btn p" disabled={!text.trim()}>Send message</button>
        </div>
      </form>
    </Dialog>
  );
}
