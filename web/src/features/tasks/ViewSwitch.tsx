import { Columns3, GanttChart, List } from "lucide-react";
import { NavLink, useSearchParams } from "react-router";

const VIEWS = [["", "List", List], ["board", "Board", Columns3], ["timeline", "Timeline", GanttChart]] as const;

/** List, board or timeline; project and queue stay chosen. */
export function ViewSwitch() {
  const [search] = useSearchParams();
  const now = search.get("view") ?? "";
  const to = (view: string) => {
    const kept = new URLSearchParams();
    for (const name of ["project", "queue"]) if (search.get(name)) kept.set(name, search.get(name)!);
    if (view) kept.set("view", view);
    return `/tasks${kept.size > 0 ? `?${kept}` : ""}`;
  };
  return (
    <div className="seg" role="group" aria-label="View">
      {VIEWS.map(([view, label, Icon]) => <NavLink key={view} to={to(view)} className={now === view ? "on" : ""} aria-current={now === view ? "true" : undefined}><Icon size={13} aria-hidden="true" />{label}</NavLink>)}
    </div>
  );
}
