import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { plural } from "@/lib/format";
import { visible } from "@/lib/visible";
import { useOnline } from "@/live/live";
import { type Failure, type Result, setAllAside } from "./aside";

/** A bar at the bottom for results that are chosen; those that cannot be set aside are named there and stay chosen. */
export function AsideBar({ rows, onClear }: { rows: Result[]; onClear: () => void }) {
  const queries = useQueryClient();
  const online = useOnline();
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<Failure[]>([]);
  if (rows.length === 0) return null;
  const refused = failed.filter((one) => rows.some((row) => row.id === one.id));
  const aside = async () => {
    setBusy(true);
    const left = await setAllAside(rows, queries);
    setFailed(left);
    setBusy(false);
    if (left.length === 0) onClear();
  };
  return (
    <div className="ib-bulk" role="region" aria-label="Selected results">
      {refused.length > 0 ? (
        <div className="failed" role="alert">
          <b>{plural(refused.length, "result")} not set aside</b>
          <ul>{refused.map(({ id, title, why }) => <li key={id}>{visible(title)}: {visible(why)}</li>)}</ul>
        </div>
      ) : null}
      <span className="num">{plural(rows.length, "result")} selected</span>
      <button type="button" className="btn p" disabled={!online || busy} onClick={() => void aside()}>Set aside {rows.length}</button>
      <button type="button" className="btn g" onClick={() => { setFailed([]); onClear(); }}>Clear</button>
    </div>
  );
}
