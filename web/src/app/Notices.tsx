import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useKeptAt } from "@/api/client";
import { Link } from "react-router";
import { fleet, overview } from "@/api/queries";
import type { Fleet } from "@/api/types";
import { StateGlyph } from "@/components/StateGlyph";
import { useConnection } from "@/live/live";
import { useNow } from "@/lib/clock";
import { ago, exactly, hourAndMinute } from "@/lib/format";

/** Machines that have not left and are not heard of. */
const quietOf = (told: Fleet): string[] => told.machines.filter((machine) => machine.quiet).map((machine) => machine.host);

const STALE_MS = 3_000;
const DAY_MS = 86_400_000;

/** Lines above a page: that what it shows is of an earlier time, and that the server is a newer one. */
export function Notices() {
  const { data, dataUpdatedAt } = useQuery(overview);
  const { mode, since } = useConnection();
  const now = useNow();
  const version = data?.version;
  const [first, setFirst] = useState(version);
  if (first === undefined && version !== undefined) setFirst(version);
  const keptAt = useKeptAt((kept) => kept.at);
  const of = keptAt ?? Math.min(dataUpdatedAt, since);
  const stale = (mode === "reconnecting" || mode === "offline") && (keptAt !== null || (now - since > STALE_MS && dataUpdatedAt > 0));
  const silent = useQuery({ ...fleet, select: quietOf, enabled: false, refetchInterval: false }).data ?? [];
  return (
    <>
      {silent.length > 0 && !stale ? (
        <p className="notice stale" role="status"><StateGlyph state="stale" label="" />{silent.length === 1 ? `Agents on ${silent[0]} are not reporting.` : `Agents on ${silent.slice(0, 3).join(", ")}${silent.length > 3 ? ` and ${silent.length - 3} more machines` : ""} are not reporting.`} <Link className="btn s" to={silent.length === 1 ? `/?q=${encodeURIComponent(silent[0]!)}` : "/?q=state%3Astale"}>Show them</Link></p>
      ) : null}
      {stale ? <p className="notice stale" role="status"><StateGlyph state="stale" label="" />Not connected: everything here is as of <time dateTime={new Date(of).toISOString()} title={exactly(new Date(of))}>{now - of > DAY_MS ? ago(new Date(of), new Date(now)) : hourAndMinute(new Date(of))}</time>.</p> : null}
      {first !== undefined && version !== first ? (
        <p className="notice" role="status">The server is muster {version} now. <button type="button" className="btn s" onClick={() => location.reload()}>Reload</button></p>
      ) : null}
    </>
  );
}
