import { Ellipsis } from "lucide-react";
import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useNavigate } from "react-router";
import type { FleetRow } from "@/api/types";
import { ContextMenu } from "@/components/ContextMenu";
import { Dialog } from "@/components/Dialog";
import { say } from "@/components/toasts";
import { useKeys } from "@/lib/keys";
import { usePeek } from "@/lib/usePeek";
import { useOnline } from "@/live/live";
import { agentsIn, atWork, useActs } from "./acts";
import { extended, NOTHING, type Picked, still, toggled } from "./picking";
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
  const order = rows.map(keyOf);
  const picked = still(before, order);
  const chose = rows.filter((row) => picked.keys.has(keyOf(row)));
  const [menu, setMenu] = useState<{ row: FleetRow; x: number; y: number } | null>(null);
  const [asked, setAsked] = useState<Asked | null>(null);
  const find = (key: string | undefined) => rows.find((row) => keyOf(row) === key);
  usePointing(box, {
    menu: (key, x, y) => { const row = find(key); if (row) setMenu({ row, x, y }); },
    toggle: (key) => onPick(toggled(picked, key)),
    extend: (key) => onPick(extended(picked, key, order)),
    step: (key, by) => {
      const next = order[Math.min(Math.max(order.indexOf(key) + by, 0), order.length - 1)]!;
      onPick(extended(picked.from === null ? toggled(picked, key) : picked, next, order));
      box.current?.querySelector<HTMLElement>(`[data-row="${CSS.escape(next)}"]`)?.focus();
    },
  });
  const meant = () => (chose.length > 0 ? chose : [find((document.activeElement?.closest<HTMLElement>("[data-row]"))?.dataset.row ?? chosen ?? undefined)].filter((row) => row !== undefined));
  const ask = (what: Asked["what"]) => () => { const those = atWork(meant()); if (those.length > 0 && online) setAsked({ what, rows: those }); };
  const pause = () => {
    const those = atWork(meant());
    if (those.length > 0 && online) void act(those.every((row) => row.state === "paused") ? "resume" : "pause", those);
  };
  useKeys({
    x: () => { const key = document.activeElement?.closest<HTMLElement>("[data-row]")?.dataset.row ?? chosen; if (key && find(key)) onPick(toggled(picked, key)); },
    "mod+a": () => onPick({ keys: new Set(order), from: order[0] ?? null }),
    p: pause, s: ask("stop"), m: ask("say"),
    ...(picked.keys.size > 0 && !peeking ? { Escape: () => onPick(NOTHING) } : {}),
  });
  return (
    <>
      <Dots box={box} find={find} onOpen={(row, x, y) => setMenu({ row, x, y })} />
      {menu ? <RowMenu row={menu.row} at={menu} online={online} onClose={() => setMenu(null)} onPeek={onPeek} onAsk={(what, row) => setAsked({ what, rows: [row] })} onAct={(what, row) => void act(what, [row])} onGo={(path) => void go(path)} /> : null}
      <Bar rows={chose} online={online} onAct={(what) => void act(what, chose)} onAsk={(what) => setAsked({ what, rows: atWork(chose) })} onClear={() => onPick(NOTHING)} />
      {asked?.what === "stop" ? <Stop rows={asked.rows} onClose={() => setAsked(null)} onStop={() => { setAsked(null); void act("stop", asked.rows).then(() => onPick(NOTHING)); }} /> : null}
      {asked?.what === "say" ? <Say rows={asked.rows} onClose={() => setAsked(null)} onSay={(text) => { setAsked(null); void act("say", asked.rows, text); }} /> : null}
    </>
  );
}

interface Pointing {
  menu: (key: string, x: number, y: number) => void;
  toggle: (key: string) => void;
  extend: (key: string) => void;
  step: (key: string, by: number) => void;
}

const rowOf = (event: Event) => (event.target as Element).closest<HTMLElement>("[data-row]");

/** Hears of rows before they do: a click with Ctrl or Shift picks, the other button and the key for menus open one, Shift with an arrow extends. */
function usePointing(box: HandsProps["box"], given: Pointing): void {
  const now = useRef(given);
  useLayoutEffect(() => {
    now.current = given;
  });
  useEffect(() => {
    const around = box.current;
    if (!around) return;
    const stop = new AbortController();
    const options = { capture: true, signal: stop.signal };
    const mine = (event: Event) => { event.preventDefault(); event.stopPropagation(); };
    around.addEventListener("mousedown", (event) => { if (event.shiftKey && rowOf(event)) event.preventDefault(); }, options);
    around.addEventListener("click", (event) => {
      const key = rowOf(event)?.dataset.row;
      if (!key || (event.target as Element).closest("a") || !(event.shiftKey || event.ctrlKey || event.metaKey)) return;
      mine(event);
      if (event.shiftKey) now.current.extend(key); else now.current.toggle(key);
    }, options);
    around.addEventListener("contextmenu", (event) => {
      const row = rowOf(event);
      if (!row?.dataset.row || (event.target as Element).closest("a")) return;
      mine(event);
      const at = row.getBoundingClientRect();
      const pointed = event.clientX > 0 || event.clientY > 0;
      now.current.menu(row.dataset.row, pointed ? event.clientX : at.left + 24, pointed ? event.clientY : at.bottom);
    }, options);
    around.addEventListener("keydown", (event) => {
      const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const key = rowOf(event)?.dataset.row;
      if (!event.shiftKey || !by || !key) return;
      mine(event);
      now.current.step(key, by);
    }, options);
    return () => stop.abort();
  }, [box]);
}

/** One button for all rows: it stands at the end of the one that is pointed at. */
function Dots({ box, find, onOpen }: { box: HandsProps["box"]; find: (key: string | undefined) => FleetRow | undefined; onOpen: (row: FleetRow, x: number, y: number) => void }) {
  const [on, setOn] = useState<{ key: string; left: number; top: number } | null>(null);
  useEffect(() => {
    const around = box.current;
    if (!around) return;
    const stop = new AbortController();
    const scroller = around.closest("#main");
    around.addEventListener("pointerover", (event) => {
      const row = event.pointerType === "mouse" ? rowOf(event) : null;
      const at = row?.matches("tr") ? row.getBoundingClientRect() : null;
      if (at && row?.dataset.row) setOn({ key: row.dataset.row, left: at.right - 30, top: at.top + at.height / 2 - 12 });
    }, { signal: stop.signal });
    around.addEventListener("pointerleave", (event) => { if (!(event.relatedTarget as Element | null)?.closest?.(".rowdots")) setOn(null); }, { signal: stop.signal });
    scroller?.addEventListener("scroll", () => setOn(null), { signal: stop.signal, passive: true });
    return () => stop.abort();
  }, [box]);
  const row = find(on?.key);
  if (!on || !row) return null;
  return (
    <button
      type="button" className="ib rowdots" tabIndex={-1} style={{ left: on.left, top: on.top }} aria-label={`Actions of ${row.name}`} onPointerLeave={(event) => { if (!box.current?.contains(event.relatedTarget as Node | null)) setOn(null); }}
      onClick={(event) => { const at = event.currentTarget.getBoundingClientRect(); onOpen(row, at.right - 180, at.bottom + 4); }}
    >
      <Ellipsis size={14} />
    </button>
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
