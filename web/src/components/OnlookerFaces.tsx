import { User } from "lucide-react";
import { visible } from "@/lib/visible";
import type { Onlookers as Others } from "@/live/connection";

const SHOWN = 3;

/** The others as small circles with their initials, and the same in words. */
export default function OnlookerFaces({ others }: { others: Others }) {
  const said = onlookersSaid(others);
  const rest = others.names.length - SHOWN + others.more;
  return (
    <span className="on-look" role="status" title={said}>
      <span className="sr">{said}</span>
      {others.names.slice(0, SHOWN).map((name) => <i key={name} aria-hidden="true" title={visible(name)}>{initials(name)}</i>)}
      {others.names.length === 0 ? <i aria-hidden="true"><User size={11} /></i> : null}
      {others.names.length === 0 ? others.more > 1 ? <b className="num" aria-hidden="true">{others.more}</b> : null : rest > 0 ? <b className="num" aria-hidden="true">+{rest}</b> : null}
    </span>
  );
}

/** The first letters of a name's first two words. */
export function initials(name: string): string {
  return visible(name).trim().split(/\s+/).slice(0, 2).map((word) => [...word][0] ?? "").join("").toUpperCase();
}

/** "Anna is looking at this too". Who gave no name is somebody. */
export function onlookersSaid({ names, more }: Others): string {
  if (names.length === 0) return more === 1 ? "Somebody is looking at this too" : `${more} others are looking at this too`;
  const parts = [...names.map(visible), ...(more > 0 ? [`${more} other${more === 1 ? "" : "s"}`] : [])];
  const last = parts.pop()!;
  return parts.length === 0 ? `${last} is looking at this too` : `${parts.join(", ")} and ${last} are looking at this too`;
}
