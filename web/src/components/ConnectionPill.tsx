import { StateGlyph } from "./StateGlyph";
import { useConnection } from "@/live/live";
import { useNow } from "@/lib/clock";
import { count, hourAndMinute } from "@/lib/format";

/** How the page hears of changes; it never says "Live" when it is not. */
export function ConnectionPill() {
  const { mode, since, behind } = useConnection();
  const now = useNow();
  const seconds = Math.max(Math.floor((now - since) / 1000), 0);
  const at = hourAndMinute(new Date(since));
  switch (mode) {
    case "live":
      return behind > 100 && seconds < 3 ? (
        <span className="live"><StateGlyph state="waiting" size={11} label="" />Catching up {count(behind)}</span>
      ) : (
        <span className="live" title="Changes arrive as they happen"><i />Live</span>
      );
    case "events":
      return <span className="live" title="No socket gets through; changes come as an event stream"><i />Live (events)</span>;
    case "polling":
      return <span className="live" title="Neither sockets nor event streams get through"><i style={{ background: "var(--st-waiting-fill)" }} />Every 5 s</span>;
    case "offline":
      return <span className="live" role="alert"><StateGlyph state="failed" size={11} label="" />Offline since {at}</span>;
    case "connecting":
      return <span className="live"><StateGlyph state="queued" size={11} label="" />Connecting</span>;
    default:
      return <span className="live"><StateGlyph state="waiting" size={11} label="" />Reconnecting, {seconds} s</span>;
  }
}
