import { Archive, X } from "lucide-react";
import { type ReactNode, useRef } from "react";
import type { Approval, TaskRow } from "@/api/types";
import { useDropTarget } from "@/components/drag";
import { cx } from "@/lib/cx";
import { placeOf, type Target, verdict } from "./board";

interface Props {
  dragged: TaskRow | undefined;
  asked: ReadonlyMap<string, Approval>;
  onDrop: (id: string, target: Target) => void;
}

/** Two places beside the board, there while something is dragged: archive what is finished, cancel what is not. */
export function Bin(props: Props) {
  return (
    <div className={cx("bd-bin", props.dragged && "on")} aria-hidden="true">
      <Slot {...props} place="archive" icon={<Archive size={14} />} label="Archive" />
      <Slot {...props} place="cancel" icon={<X size={14} />} label="Cancel" />
    </div>
  );
}

function Slot({ dragged, asked, onDrop, place, icon, label }: Props & { place: "archive" | "cancel"; icon: ReactNode; label: string }) {
  const ref = useRef<HTMLDivElement>(null);
  const target: Target = { kind: "place", place };
  const over = useDropTarget(ref, (id) => onDrop(id, target));
  const what = dragged ? verdict(dragged, placeOf(dragged, asked), target) : null;
  return <div ref={ref} data-bin={place} className={cx(what && "refused" in what && "no", over && "over")} title={what && "refused" in what ? what.refused : label}>{icon}{label}</div>;
}
