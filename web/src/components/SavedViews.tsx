import { Bookmark, Ellipsis } from "lucide-react";
import { useState } from "react";
import { Link, useSearchParams } from "react-router";
import { useKept } from "@/lib/kept";
import { type View, queryOf, readViews } from "@/lib/views";
import { Dialog } from "./Dialog";
import { Menu } from "./Menu";
import { say } from "./toasts";

const NONE: View[] = [];

/** Filters of a list under names of one's own, as tabs. */
export function SavedViews({ list, all }: { list: string; all: string }) {
  const [search] = useSearchParams();
  const [views, keep] = useKept(`views.${list}`, NONE, readViews);
  const [naming, setNaming] = useState<View | null>(null);
  const query = queryOf(search);
  const at = views.find((view) => view.query === query);
  if (views.length === 0 && query === "") return null;
  const forget = (view: View) => {
    keep(views.filter((one) => one !== view));
    say(`View “${view.name}” removed`, { label: "Undo", run: () => keep(views) });
  };
  return (
    <div className="views">
      <nav className="tabs" aria-label="Saved views">
        <Link to="?" aria-current={query === "" ? "page" : undefined}>{all}</Link>
        {views.map((view) => <Link key={view.name} to={`?${view.query}`} aria-current={view === at ? "page" : undefined}>{view.name}</Link>)}
      </nav>
      {at ? (
        <Menu
          trigger={<button type="button" className="btn s g" aria-label={`View ${at.name}`}><Ellipsis size={13} /></button>}
          items={[{ label: "Rename…", run: () => setNaming(at) }, { label: "Remove this view", danger: true, run: () => forget(at) }]}
        />
      ) : query !== "" ? <button type="button" className="btn s g" onClick={() => setNaming({ name: "", query })}><Bookmark size={12} />Save view</button> : null}
      {naming ? <Naming view={naming} views={views} onClose={() => setNaming(null)} onKeep={keep} /> : null}
    </div>
  );
}

function Naming({ view, views, onClose, onKeep }: { view: View; views: View[]; onClose: () => void; onKeep: (views: View[]) => void }) {
  const [name, setName] = useState(view.name);
  const taken = views.some((one) => one !== view && one.name === name.trim());
  return (
    <Dialog title={view.name ? "Rename this view" : "Save this view"} onClose={onClose}>
      <form
        className="field"
        onSubmit={(event) => {
          event.preventDefault();
          const named = { ...view, name: name.trim() };
          onKeep(view.name ? views.map((one) => (one === view ? named : one)) : [...views, named]);
          onClose();
        }}
      >
        <label htmlFor="view-name">Name</label>
        <input id="view-name" className="inp" value={name} maxLength={40} required autoFocus aria-invalid={taken} placeholder="Failed in hooks" onChange={(event) => setName(event.target.value)} />
        {taken ? <span className="bad">There is a view of that name.</span> : <span className="hint">It keeps the filters, for you in every window.</span>}
        <div className="b" style={{ marginTop: 8 }}>
          <button type="button" className="btn" onClick={onClose}>Cancel</button>
          <button type="submit" className="btn p" disabled={!name.trim() || taken}>Save view</button>
        </div>
      </form>
    </Dialog>
  );
}
