import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useKeptAt } from "@/api/client";
import { overview } from "@/api/queries";
import { StateGlyph } from "@/components/StateGlyph";
import { useConnection } from "@/live/live";
import { useNow } from "@/lib/clock";
import { ago, exactly, hourAndMinute } from "@/lib/format";

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
  return (
    <>
      {stale ? <p className="notice stale" role="status"><StateGlyph state="stale" label="" />Not connected: everything here is as of <time dateTime={new Date(of).toISOString()} title={exactly(new Date(of))}>{now - of > DAY_MS ? ago(new Date(of), new Date(now)) : hourAndMinute(new Date(of))}</time>.</p> : null}
      {first !== undefined && version !== first ? (
        <p className="notice" role="status">The server is muster {version} now. <button type="button" className="btn s" onClick={() => location.reload()}>Reload</button></p>
      ) : null}
    </>
  );
}
