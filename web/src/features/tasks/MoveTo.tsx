import type { Approval, TaskRow } from "@/api/types";
import { Dialog } from "@/components/Dialog";
import { type Column, placeOf, type Target, verdict } from "./board";

/** What a drag does, for the keyboard and for small screens: every place, and why some are closed. */
export default function MoveTo({ task, columns, asked, onChoose, onClose }: { task: TaskRow; columns: Column[]; asked: ReadonlyMap<string, Approval>; onChoose: (target: Target) => void; onClose: () => void }) {
  const from = placeOf(task, asked);
  const targets: [string, Target][] = [
    ...columns.map((column): [string, Target] => [column.label, column.target]),
    ["Archive", { kind: "place", place: "archive" }],
    ["Cancel the task", { kind: "place", place: "cancel" }],
  ];
  return (
    <Dialog title="Move to" onClose={onClose}>
      <p className="sub">{task.title}</p>
      <ul className="pl-targets">
        {targets.map(([label, target]) => {
          const what = verdict(task, from, target);
          const refused = "refused" in what ? what.refused : null;
          return (
            <li key={label}>
              <button type="button" className="btn" disabled={refused !== null} onClick={() => onChoose(target)}>{label}</button>
              <span className="mut">{refused ?? ("does" in what && what.does === "requeue" ? "Queues it again, its attempts counted anew." : "does" in what && what.does === "seen" ? "Sets it aside, looked at or not." : "")}</span>
            </li>
          );
        })}
      </ul>
      <div className="b"><button type="button" className="btn" onClick={onClose}>Leave it</button></div>
    </Dialog>
  );
}
