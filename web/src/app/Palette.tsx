import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useId, useLayoutEffect, useRef, useState } from "react";
import { useNavigate } from "react-router";
import { fleet, tasks } from "@/api/queries";
import { StateGlyph } from "@/components/StateGlyph";
import { usePageActions } from "@/lib/actions";
import { useAllShown } from "@/lib/keys";
import { isDark, usePrefs } from "@/lib/prefs";
import { ranked } from "@/lib/rank";
import { visits } from "@/lib/recent";
import { cx } from "@/lib/cx";
import { agentsOf, commandsOf, type Found, helpOf, knownById, settingsOf, taskOf } from "./found";

interface Group {
  name: string;
  items: Found[];
}

const ID = /^tsk_[0-9a-z]{13}$/;
/** What is looked for by the first letter; without one, everything. */
const KINDS: Record<string, string> = { ">": "commands", "#": "tasks", "@": "agents", "/": "settings", "?": "help" };

/** What fits the words, in groups. What is known here stands above what the server finds, so that nothing moves when that comes. */
function useFound(typed: string, given: { onHelp: () => void; go: (path: string) => void; close: () => void }): Group[] {
  const kind = KINDS[typed[0] ?? ""] ?? "";
  const words = (kind ? typed.slice(1) : typed).trim();
  const queries = useQueryClient();
  const { theme, setTheme } = usePrefs();
  const keys = useAllShown();
  const offered = usePageActions((state) => state.actions);
  const { data } = useQuery({ ...tasks({ q: words || undefined, limit: 8 }), enabled: kind === "" || kind === "tasks" });
  const rows = useQuery(fleet).data?.rows ?? [];
  const open = ({ key, label, path, note, glyph }: Omit<Found, "run"> & { path: string }): Found => ({ key, label, note, glyph, run: () => given.go(path) });
  const after = (run: () => void) => () => { given.close(); run(); };
  const suggested = offered.map((action): Found => ({ ...action, run: after(action.run) }));
  const dark = isDark(theme);
  const commands: Found[] = [
    ...commandsOf(keys).map(open),
    { key: "theme", label: dark ? "Use the light theme" : "Use the dark theme", note: keys("theme"), run: after(() => setTheme(dark ? "light" : "dark")) },
    { key: "help", label: "Shortcuts", note: keys("help"), run: given.onHelp },
  ];
  const agents = agentsOf(rows, words).map(open);
  const exact = ID.test(words) ? [open({ key: words, label: `Open ${words}`, path: `/tasks/${words}` })] : knownById(queries, words).map(open);
  const shown = new Set(exact.map((one) => one.key));
  const found = (data?.items ?? []).map(taskOf).filter((one) => !shown.has(one.key)).map(open);
  const recent = visits().filter((one) => one.path !== location.pathname).map((one) => open({ key: `recent ${one.path}`, label: one.label, note: one.path.split("/")[1]?.replace(/s$/, ""), path: one.path }));
  switch (kind) {
    case "commands":
      return [{ name: "Commands", items: ranked([...suggested, ...commands], words) }];
    case "tasks":
      return [{ name: "Tasks", items: [...exact, ...found] }];
    case "agents":
      return [{ name: "Agents", items: agents }];
    case "settings":
      return [{ name: "Settings", items: ranked(settingsOf().map(open), words) }];
    case "help":
      return [{ name: "Keys", items: ranked(helpOf(keys).map((one) => ({ ...one, run: given.onHelp })), words) }];
  }
  if (words === "") return [{ name: "Suggested", items: suggested }, { name: "Recent", items: recent }, { name: "Commands", items: commands }, { name: "Tasks", items: found }];
  return [
    { name: "Task of this id", items: exact }, { name: "Agents", items: agents.slice(0, 4) }, { name: "Recent", items: ranked(recent, words).slice(0, 3) },
    { name: "Commands", items: ranked([...suggested, ...commands, ...settingsOf().map(open)], words) }, { name: "Tasks", items: found },
  ];
}

export function Palette({ onClose, onHelp }: { onClose: () => void; onHelp: () => void }) {
  const go = useNavigate();
  const list = useId();
  const box = useRef<HTMLDivElement>(null);
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const groups = useFound(text.trimStart(), { onHelp, close: onClose, go: (path) => { onClose(); void go(path); } }).filter((group) => group.items.length > 0);
  const all = groups.flatMap((group) => group.items);
  const at = Math.min(chosen, Math.max(all.length - 1, 0));
  const choose = (index: number) => {
    setChosen(index);
    box.current?.querySelector(`[id="${list}-${index}"]`)?.scrollIntoView({ block: "nearest" });
  };
  return (
    <Over onClose={onClose}>
      <input
        className="inp" role="combobox" aria-expanded="true" aria-controls={list} aria-label="Search or jump to" aria-activedescendant={all[at] ? `${list}-${at}` : undefined}
        placeholder="A task, an agent, or what to do" value={text}
        onChange={(event) => { setText(event.target.value); setChosen(0); }}
        onKeyDown={(event) => {
          const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
          if (step && all.length > 0) { event.preventDefault(); choose((at + step + all.length) % all.length); }
          if (event.key === "Enter") all[at]?.run();
        }}
      />
      <div ref={box} className="menu pal-list" role="listbox" id={list} aria-label="Results">
        {groups.map((group) => (
          <div key={group.name} role="group" aria-label={group.name}>
            <p className="pal-head" aria-hidden="true">{group.name}</p>
            {group.items.map((item) => {
              const index = all.indexOf(item);
              return (
                <div key={item.key} id={`${list}-${index}`} role="option" aria-selected={index === at} className={cx("pal-row", index === at && "on")} onMouseMove={() => setChosen(index)} onClick={item.run}>
                  {item.glyph ? <StateGlyph {...item.glyph} /> : null}<span className="cut" style={{ flex: 1 }}>{item.label}</span>{item.note ? <span className="mut num">{item.note}</span> : null}
                </div>
              );
            })}
          </div>
        ))}
      </div>
      {all.length === 0 ? <p className="mut" style={{ padding: 8 }}>Nothing matches “{text.trim()}”.</p> : null}
      <p className="mut pal-foot" aria-hidden="true">{Object.entries(KINDS).map(([letter, kind]) => <span key={letter}><kbd className="kbd">{letter}</kbd> {kind === "help" ? "keys" : kind}</span>)}</p>
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
