import { useState } from "react";

/** A switch that the browser remembers. */
export function useRemembered(name: string, first: boolean): [boolean, (value: boolean) => void] {
  const key = `muster.${name}`;
  const [value, setValue] = useState(() => { const kept = localStorage.getItem(key); return kept === null ? first : kept === "yes"; });
  return [value, (next) => { localStorage.setItem(key, next ? "yes" : "no"); setValue(next); }];
}
