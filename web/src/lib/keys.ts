import { useEffect, useRef } from "react";

const SEQUENCE_MS = 1_000;

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Single keys and two-key sequences (`g f`), and `mod+k`. They never fire while somebody types. `early`: before those of the frame. */
export function useKeys(keys: Record<string, () => void>, early = false): void {
  const ref = useRef(keys);
  useEffect(() => {
    ref.current = keys;
  });
  useEffect(() => {
    let first = "";
    let at = 0;
    const heard = (event: KeyboardEvent) => {
      const mod = event.ctrlKey || event.metaKey;
      if (event.defaultPrevented || event.altKey || (typing(event.target) && !mod)) return;
      if (document.querySelector("dialog[open], .menu:popover-open")) return;
      const key = mod ? `mod+${event.key.toLowerCase()}` : event.key;
      const pair = event.timeStamp - at < SEQUENCE_MS && first ? `${first} ${key}` : "";
      const action = ref.current[pair] ?? ref.current[key];
      first = mod ? "" : key;
      at = event.timeStamp;
      if (!action) return;
      event.preventDefault();
      first = "";
      action();
    };
    addEventListener("keydown", heard, early);
    return () => removeEventListener("keydown", heard, early);
  }, [early]);
}
