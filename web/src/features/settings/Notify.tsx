import { useState } from "react";
import { useNotify } from "@/lib/notify";

const known = () => (typeof Notification === "undefined" ? "missing" : Notification.permission);

/** Desktop notifications: the browser is asked when they are switched on, and its no is said. */
export function Notify() {
  const [on, setOn] = useNotify();
  const [allowed, setAllowed] = useState(known);
  const works = on && allowed === "granted";
  const turnOn = async () => {
    const answer = allowed === "missing" ? "missing" : await Notification.requestPermission();
    setAllowed(answer);
    setOn(answer === "granted" ? true : null);
  };
  return (
    <fieldset className="field" style={{ padding: 0 }}>
      <legend className="lbl" style={{ fontWeight: 540, padding: 0 }}>Desktop notifications</legend>
      <span className="hint">One for each request or question that comes while you look elsewhere. This page has to be open in some tab.</span>
      <div className="seg" role="radiogroup" aria-label="Desktop notifications" style={{ alignSelf: "flex-start" }}>
        <button type="button" role="radio" aria-checked={!works} onClick={() => setOn(null)}>Off</button>
        <button type="button" role="radio" aria-checked={works} disabled={allowed === "missing"} onClick={() => void turnOn()}>On</button>
      </div>
      {allowed === "denied" ? <span className="hint" role="status">This browser does not allow them for {location.host}. Allow them in its settings for this site first.</span> : null}
      {allowed === "missing" ? <span className="hint">This browser has none, or the page is not served over a safe address.</span> : null}
    </fieldset>
  );
}
