import { useQuery } from "@tanstack/react-query";
import { Folder as FolderIcon, FolderGit2, History } from "lucide-react";
import { type KeyboardEvent, useRef, useState } from "react";
import { TimeAgo } from "@/components/TimeAgo";
import { cx } from "@/lib/cx";
import { plural, shortPath } from "@/lib/format";
import { useSettled } from "@/lib/useSettled";
import { visible } from "@/lib/visible";
import { type Choice, choicesOf, crumbs, isBelow, split, standing } from "./paths";
import { folders, usedFolders } from "./queries";

interface PickerProps {
  value: string;
  onChange: (path: string) => void;
  bad?: string;
}

const LIST = "directory-list";

/** A path that is typed, or picked from folders used before and from those of the server's host. */
export function DirectoryPicker({ value, onChange, bad }: PickerProps) {
  const [open, setOpen] = useState(false);
  const [typed, setTyped] = useState(false);
  const [at, setAt] = useState(-1);
  const [hidden, setHidden] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const used = useQuery({ ...usedFolders, enabled: open }).data?.items ?? [];
  const roots = useQuery({ ...folders(null, hidden), enabled: open }).data;
  const place = useSettled(split(value)[0]);
  const below = roots !== undefined && isBelow(place, roots.roots);
  const inside = useQuery({ ...folders(place, hidden), enabled: open && below }).data;
  const listing = below ? inside : roots;
  const choices = choicesOf(value, typed, used, listing);
  const first = choices.findIndex((choice) => choice.folder !== null);
  const write = (path: string) => { setTyped(true); setAt(-1); onChange(path); };
  const enter = (path: string) => write(path === "/" ? path : `${path}/`);
  const take = (choice: Choice) => {
    if (choice.folder) return enter(choice.path);
    onChange(choice.path);
    setOpen(false);
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && open) { event.preventDefault(); event.stopPropagation(); setOpen(false); return; }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!open) { setOpen(true); setTyped(false); return; }
      const next = event.key === "ArrowDown" ? Math.min(at + 1, choices.length - 1) : Math.max(at - 1, -1);
      setAt(next);
      document.getElementById(`${LIST}-${next}`)?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && open) {
      event.preventDefault();
      const choice = choices[at];
      if (choice) take(choice); else setOpen(false);
    }
  };
  const show = () => { if (!open) { setOpen(true); setTyped(false); setAt(-1); } };
  return (
    <div className="dp" ref={box} onBlur={(event) => { if (!box.current?.contains(event.relatedTarget)) setOpen(false); }}>
      <input
        id="directory" className="inp mono" role="combobox" aria-expanded={open} aria-controls={LIST} aria-autocomplete="list" autoComplete="off" spellCheck={false}
        aria-activedescendant={open && at >= 0 ? `${LIST}-${at}` : undefined} aria-invalid={!!bad} aria-describedby={bad ? "directory-bad" : undefined}
        value={value} placeholder="/home/me/project" onClick={show} onKeyDown={pressed} onChange={(event) => { setOpen(true); write(event.target.value); }}
      />
      {open ? (
        <div className="dp-pop">
          <ul id={LIST} role="listbox" aria-label="Folders">
            {choices.map((choice, index) => (
              <li key={choice.key} role="presentation">
                {index === 0 && choice.used ? <p className="dp-head">Used before</p> : null}
                {index === first && listing ? <p className="dp-head">In {shortPath(listing.here.path, 44)}{listing.host ? <span className="mut"> on {listing.host}</span> : null}</p> : null}
                <div id={`${LIST}-${index}`} role="option" aria-selected={index === at} className={cx("dp-row", index === at && "on")} onMouseDown={(event) => event.preventDefault()} onClick={() => take(choice)}>
                  <Row choice={choice} />
                </div>
              </li>
            ))}
          </ul>
          {choices.length === 0 ? <p className="mut dp-none">{listing ? "No folder here is named so." : "Looking…"}</p> : null}
          {listing?.problem ? <p className="bad dp-none">{listing.problem}</p> : null}
          {listing?.more ? <p className="mut dp-none">The first 500 are listed; type to narrow.</p> : null}
          {listing ? (
            <div className="dp-foot">
              <nav aria-label="Where you look">{crumbs(listing.here.path, listing.root).map(([name, path]) => <button key={path} type="button" className="mono" onClick={() => enter(path)}>{name === path ? shortPath(name, 28) : name}</button>)}</nav>
              <label><input type="checkbox" checked={hidden} onChange={(event) => setHidden(event.target.checked)} />Hidden</label>
            </div>
          ) : null}
        </div>
      ) : null}
    </div>
  );
}

function Row({ choice: { used, folder, path } }: { choice: Choice }) {
  const known = folder ?? used!;
  const Icon = used ? History : known.repository ? FolderGit2 : FolderIcon;
  return (
    <>
      <Icon size={13} aria-hidden="true" />
      <span className="mono cut" title={visible(path)}>{visible(used ? shortPath(path, 46) : folder!.name)}</span>
      <span className="mut">{known.repository || used ? standing(known) : ""}</span>
      {used ? <span className="mut">{plural(used.tasks, "task")}, <TimeAgo at={used.used_at} /></span> : null}
    </>
  );
}
