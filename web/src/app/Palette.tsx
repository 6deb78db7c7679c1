import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useId, useLayoutEffect, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { fleet, tasks } from "@/api/queries";
import type { FleetRow } from "@/api/types";
import { StateGlyph } from "@/components/StateGlyph";
import { usePageActions } from "@/lib/actions";
import { useAllShown } from "@/lib/keys";
import { isDark, usePrefs } from "@/lib/prefs";
import { seenAgent, seenTask } from "@/lib/states";
import { shortId } from "@/lib/format";
import { cx } from "@/lib/cx";

interface Found {
  key: string;
  label: string;
  note?: string;
  glyph?: React.ReactNode;
  run: () => void;
}

const ID = /^tsk_[0-9a-z]{13}$/;

export function Palette({ onClose, onHelp }: { onClose: () => void; onHelp: () => void }) {
  const go = useNavigate();
  const list = useId();
  const { theme, setTheme } = usePrefs();
  const keys = useAllShown();
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const words = text.trim();
  const { data } = useQuery(tasks({ q: words || undefined, limit: 8 }));
  const to = (path: string) => () => { onClose(); void go(path); };
  const offered = usePageActions((state) => state.actions);
  const commands: Found[] = [
    ...offered.map((action) => ({ ...action, run: () => { onClose(); action.run(); } })),
    { key: "new", label: "New task", note: keys("task.new"), run: to("/tasks/new") },
    { key: "fleet", label: "Go to Fleet", note: keys("go.fleet"), run: to("/") },
    { key: "inbox", label: "Go to Inbox", note: keys("go.inbox"), run: to("/inbox") },
    { key: "tasks", label: "Go to Tasks", note: keys("go.tasks"), run: to("/tasks") },
    { key: "board", label: "Go to Board", run: to("/tasks?view=board") },
    { key: "timeline", label: "Go to Timeline", run: to("/tasks?view=timeline") },
    { key: "projects", label: "Go to Projects", note: keys("go.projects"), run: to("/projects") },
    { key: "queues", label: "Go to Queues", note: keys("go.queues"), run: to("/queues") },
    { key: "dead-letters", label: "Dead letters", run: to("/queues/dead-letters") },
    { key: "sessions", label: "Go to Sessions", run: to("/sessions") },
    { key: "scripts", label: "Go to Scripts", run: to("/scripts") },
    { key: "new-queue", label: "New queue", run: to("/queues?new=1") },
    { key: "new-project", label: "New project", run: to("/projects?new=1") },
    { key: "new-session", label: "Begin a session", run: to("/sessions?new=1") },
    { key: "failed", label: "Tasks that failed", run: to("/tasks?state=failed") },
    { key: "chat", label: "Go to Chat", note: keys("go.chat"), run: to("/chat") },
    { key: "talk", label: "New conversation with an agent", run: to("/chat?new=yes") },
    { key: "agents", label: "Go to Agents", note: keys("go.agents"), run: to("/agents") },
    { key: "agent", label: "New agent", note: keys("agent.new"), run: to("/agents?new=agent") },
    { key: "roles", label: "Roles and prompts", run: to("/agents/roles") },
    { key: "role", label: "New role", run: to("/agents/roles?new=role") },
    { key: "sandboxes", label: "Go to Sandboxes", run: to("/sandboxes") },
    { key: "activity", label: "Go to Activity", run: to("/activity") },
    { key: "settings", label: "Settings", note: keys("go.settings"), run: to("/settings") },
    { key: "theme", label: isDark(theme) ? "Use the light theme" : "Use the dark theme", note: keys("theme"), run: () => { setTheme(isDark(theme) ? "light" : "dark"); onClose(); } },
    { key: "help", label: "Shortcuts", note: keys("help"), run: onHelp },
  ].filter((command) => command.label.toLowerCase().includes(words.toLowerCase()));
  const found: Found[] = (data?.items ?? []).map((task) => ({
    key: task.id, label: task.title, note: shortId(task.id), run: to(`/tasks/${task.id}`),
    glyph: <StateGlyph {...glyphOf(task)} />,
  }));
  const people = agentsOf(useQuery(fleet).data?.rows ?? [], words.replace(/^@/, "")).map((row): Found => ({
    key: `agent ${row.agent_id}`, label: row.name, note: "agent", run: to(`/agents/${encodeURIComponent(row.agent_id)}`), glyph: <StateGlyph state={seenAgent(row).state} label={seenAgent(row).word} />,
  }));
  const all = words.startsWith("@") ? people : [...(ID.test(words) ? [{ key: words, label: `Open ${words}`, run: to(`/tasks/${words}`) }] : []), ...(words ? people.slice(0, 4) : []), ...(words ? found : []), ...commands, ...(words ? [] : found)];
  const at = Math.min(chosen, Math.max(all.length - 1, 0));
  return (
    <Over onClose={onClose}>
      <input
        className="inp" role="combobox" aria-expanded="true" aria-controls={list} aria-label="Search or jump to" aria-activedescendant={all[at] ? `${list}-${at}` : undefined}
        placeholder="A task, or what to do" value={text}
        onChange={(event) => { setText(event.target.value); setChosen(0); }}
        onKeyDown={(event) => {
          const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
          if (step) { event.preventDefault(); setChosen((at + step + all.length) % all.length); }
          if (event.key === "Enter") all[at]?.run();
        }}
      />
      <div className="menu" role="listbox" id={list} aria-label="Results" style={{ boxShadow: "none", border: 0, padding: 0, maxHeight: 288 }}>
        {all.map((item, index) => (
          <div key={item.key} id={`${list}-${index}`} role="option" aria-selected={index === at} className={cx("f", index === at && "on")} style={{ cursor: "pointer", borderTop: 0, fontSize: 12.5, background: index === at ? "var(--surface-2)" : undefined, borderRadius: 5 }} onMouseMove={() => setChosen(index)} onClick={item.run}>
            {item.glyph}<span className="cut" style={{ flex: 1 }}>{item.label}</span>{item.note ? <span className="mut num">{item.note}</span> : null}
          </div>
        ))}
        {all.length === 0 ? <p className="mut" style={{ padding: 8 }}>Nothing matches “{words}”.</p> : null}
      </div>
    </Over>
  );
}

/**
 * A modal dialog that is not opened as one: `showModal` makes the page beneath inert, for which every element of it is styled anew,
 * before the palette is seen and again when it goes. There is one thing in it to focus, so the focus is easily kept.
 */
function Over({ onClose, children }: { onClose: () => void; children: ReactNode }) {
  const ref = useRef<HTMLDivElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const opener = document.activeElement;
    const over = ref.current;
    over?.showPopover();
    over?.querySelector("input")?.focus();
    return () => {
      over?.hidePopover();
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  const heard = (event: React.KeyboardEvent) => {
    if (event.key !== "Escape" && event.key !== "Tab") return;
    event.preventDefault();
    if (event.key === "Escape") onClose();
  };
  const kept = (event: React.MouseEvent) => {
    if (!(event.target instanceof HTMLInputElement)) event.preventDefault();
  };
  return (
    <div ref={ref} className="pal-over" popover="manual" onKeyDown={heard} onMouseDown={kept} onClick={(event) => event.target === ref.current && onClose()}>
      <dialog open className="dlg" aria-modal="true" aria-labelledby={id}>
        <div className="in">
          <h2 id={id}>Search or jump to</h2>
          {children}
        </div>
      </dialog>
    </div>
  );
}

const MOST = 8;

/** Agents whose name or id has these words in it, each once. */
function agentsOf(rows: FleetRow[], words: string): FleetRow[] {
  const wanted = words.trim().toLowerCase();
  const found = new Map<string, FleetRow>();
  for (const row of rows) if (!found.has(row.agent_id) && `${row.name} ${row.agent_id}`.toLowerCase().includes(wanted)) found.set(row.agent_id, row);
  return [...found.values()].slice(0, MOST);
}

function glyphOf(task: Parameters<typeof seenTask>[0]) {
  const { state, word } = seenTask(task, false);
  return { state, label: word };
}
