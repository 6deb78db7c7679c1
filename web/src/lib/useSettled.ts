import { useEffect, useState } from "react";

const WAIT_MS = 400;

/** A value once it stopped changing for a while; compared by what is in it. */
export function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  const text = JSON.stringify(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(JSON.parse(text) as T), WAIT_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}
