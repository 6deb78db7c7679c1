import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { overview } from "@/api/queries";
import { StateGlyph } from "@/components/StateGlyph";
import { useConnection } from "@/live/live";
import { useNow } from "@/lib/clock";
import { timeOfDay } from "@/lib/format";

const STALE_MS = 3_000;

/** Lines above a page: that what it shows is of an earlier time, and that the server is a newer one. */
export function Notices() {
  const { data, dataUpdatedAt } = useQuery(overview);
  const { mode, since } = useConnection();
  const now = useNow();
  const version = data?.version;
  const [first, setFirst] = useState(version);
  if (first === undefined && version !== undefined) setFirst(version);
  const stale = (mode === "reconnecting" || mode === "offline") && now - since > STALE_MS && dataUpdatedAt > 0;
  return (
    <>
      {stale ? <p className="notice stale" role="status"><StateGlyph state="stale" label="" />Not connected: everything here is as of {timeOfDay(new Date(Math.min(dataUpdatedAt, since))).slice(0, 5)}.</p> : null}
      {first !== undefined && version !== first ? (
        <p className="notice" role="status">The server is muster {version} now. <button type="button" className="btn s" onClick={() => location.reload()}>Reload</button></p>
      ) : null}
    </>
  );
}
