import { Link, useLocation } from "react-router";
import { Dialog } from "@/components/Dialog";
import { ACTIONS, FIXED, shown } from "@/lib/bindings";
import { useAllShown } from "@/lib/keys";

/** What is bound to what: the keys of this page first, then those of everywhere. */
export default function Help({ onClose }: { onClose: () => void }) {
  const { pathname } = useLocation();
  const keys = useAllShown();
  const bound = ACTIONS.filter((action) => keys(action.id) !== "");
  const groups = [...Map.groupBy(bound, (action) => action.where)].sort(([, one], [, other]) => rank(one[0]!.on, pathname) - rank(other[0]!.on, pathname));
  return (
    <Dialog title="Shortcuts" onClose={onClose}>
      <p className="mut" style={{ fontSize: 12 }}>Single keys do nothing while you type. <Link to="/settings/keyboard" onClick={onClose} style={{ textDecoration: "underline" }}>Change or switch them off</Link></p>
      <div className="keysheet">
        {groups.map(([where, actions]) => [
          <h3 key={where}>{where}</h3>,
          ...actions.map((action) => <div key={action.id}><span>{action.what}</span><kbd className="kbd">{keys(action.id)}</kbd></div>),
        ])}
        <h3>Always the same</h3>
        {FIXED.map(([pressed, what]) => <div key={pressed}><span>{what}</span><kbd className="kbd">{shown(pressed)}</kbd></div>)}
      </div>
      <div className="b"><button type="button" className="btn" onClick={onClose}>Close</button></div>
    </Dialog>
  );
}

function rank(on: RegExp | undefined, path: string): number {
  if (on === undefined) return 1;
  return on.test(path) ? 0 : 2;
}
