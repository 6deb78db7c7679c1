import { useState } from "react";
import { useKept } from "@/lib/kept";
import { isQuiet, keepNotify, KINDS, type NoticeKind, type Notify, readNotify, USUAL, wants } from "@/lib/notify";
import { Row, Switch } from "./Row";

const SUPPORTED = typeof Notification !== "undefined";

/** What the browser itself says to it; it asks once, and remembers. */
function useLeave(): [NotificationPermission, () => Promise<NotificationPermission>] {
  const [leave, setLeave] = useState<NotificationPermission>(SUPPORTED ? Notification.permission : "denied");
  const ask = async () => {
    const answered = await Notification.requestPermission();
    setLeave(answered);
    return answered;
  };
  return [leave, ask];
}

export default function Notifications() {
  const [given] = useKept("notify", USUAL, readNotify);
  const [leave, ask] = useLeave();
  const keep = (next: Partial<Notify>) => keepNotify({ ...given, ...next });
  const turned = async (on: boolean) => {
    if (on && leave === "default" && (await ask()) !== "granted") return;
    keep({ on });
  };
  const off = !given.on;
  return (
    <>
      <Switch label="Tell me by the browser" hint={<Leave leave={leave} on={given.on} onAsk={() => void ask()} />} on={given.on} disabled={!SUPPORTED || (leave === "denied" && off)} onChange={(on) => void turned(on)} />
      <Switch label="Only when I am away" hint="Not while a window of muster is in front." on={given.away} disabled={off} onChange={(away) => keep({ away })} />
      <h2 className="keys-h">Of what</h2>
      {(Object.keys(KINDS) as NoticeKind[]).map((kind) => (
        <Switch key={kind} label={KINDS[kind].label} hint={KINDS[kind].hint} on={wants(given, kind)} disabled={off} onChange={(on) => keep({ kinds: { ...given.kinds, [kind]: on } })} />
      ))}
      <h2 className="keys-h">Quiet hours</h2>
      <Switch label="Quiet hours" hint={given.quiet.on && isQuiet(given, new Date()) ? "It is quiet now." : "Nothing is told between these hours; the inbox keeps everything."} on={given.quiet.on} disabled={off} onChange={(on) => keep({ quiet: { ...given.quiet, on } })} />
      {(["from", "to"] as const).map((edge) => (
        <Row key={edge} label={edge === "from" ? "From" : "Until"} value={given.quiet[edge]}>
          {(ids) => <input id={ids.id} type="time" className="inp" value={given.quiet[edge]} disabled={off || !given.quiet.on} onChange={(event) => event.target.value && keep({ quiet: { ...given.quiet, [edge]: event.target.value } })} />}
        </Row>
      ))}
    </>
  );
}

function Leave({ leave, on, onAsk }: { leave: NotificationPermission; on: boolean; onAsk: () => void }) {
  if (!SUPPORTED) return "This browser has no notifications.";
  if (leave === "denied") return "This browser does not let muster notify you. Its settings for this site change that.";
  if (on && leave === "default") return <>This browser has not been asked yet. <button type="button" className="btn s" onClick={onAsk}>Ask it</button></>;
  return "The inbox, the count in the title and the sidebar tell in any case.";
}
