import { useQuery } from "@tanstack/react-query";
import { TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { plural } from "@/lib/format";
import { useSettled } from "@/lib/useSettled";
import { isBelow, plain, standing } from "./paths";
import { folders } from "./queries";

interface StandingProps {
  directory: string;
  agentic: boolean;
  own: boolean;
  onOwn: (own: boolean) => void;
}

/** How the chosen folder stands, and what one would want to know before an agent is let into it. */
export function Standing({ directory, agentic, own, onOwn }: StandingProps) {
  const path = useSettled(plain(directory));
  const roots = useQuery(folders(null, false)).data;
  const below = roots !== undefined && isBelow(path, roots.roots);
  const { data, error } = useQuery({ ...folders(path, false), enabled: below });
  if (!path.startsWith("/") || !roots) return null;
  if (!below) return <span className="hint">Outside of the folders that can be listed ({roots.roots.join(", ")}): nothing is known of it beforehand.</span>;
  if (error) return <span className="hint">{String((error as Error).message)}</span>;
  if (!data) return null;
  if (!data.found && data.here.path !== path) return <Warning>There is no such folder on {data.host}. A worker elsewhere may have it.</Warning>;
  const { here, running } = data;
  const inside = data.within !== null;
  return (
    <>
      {here.repository ? <span className="hint">{standing(here)}</span> : inside ? <span className="hint">In the repository {data.within}</span> : null}
      {agentic && !inside ? <Warning>Not in a git repository: an agent changes the files here, and nothing is kept on a branch.</Warning> : null}
      {agentic && inside && here.dirty ? <Warning>{plural(here.dirty, "uncommitted change")}. {own ? "A working copy begins at the last commit, without them." : "The agent sees and may change them."}</Warning> : null}
      {running.length > 0 ? (
        <Warning>
          At work here now: {running.slice(0, 3).map((one, index) => <span key={one.task_id}>{index > 0 ? ", " : ""}<Link to={`/tasks/${one.task_id}`}>{one.title}</Link></span>)}{running.length > 3 ? ` and ${running.length - 3} more` : ""}.
          {running.some((one) => one.in_place) ? " It works in the folder itself." : " In a working copy of its own."}
        </Warning>
      ) : null}
      {agentic && inside ? <label className="dp-own"><input type="checkbox" checked={own} onChange={(event) => onOwn(event.target.checked)} />In a working copy of its own, on a branch</label> : null}
    </>
  );
}

function Warning({ children }: { children: ReactNode }) {
  return <span className="dp-warn"><TriangleAlert size={13} aria-hidden="true" /><span>{children}</span></span>;
}
