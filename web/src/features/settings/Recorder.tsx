import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { shown } from "@/lib/bindings";
import { pressed } from "@/lib/keys";

const SECOND_MS = 1_000;
/** What browsers do not pass on in an ordinary tab, or what everybody needs. */
const TAKEN = new Set(["mod+t", "mod+n", "mod+w", "mod+q", "mod+r", "mod+l", "mod+c", "mod+v", "mod+x", "mod+z", "mod+tab"]);

interface RecorderProps {
  what: string;
  onTaken: (keys: string) => void;
  onRefused: (why: string) => void;
  onCancel: () => void;
}

/** Listens to the next keys: one, one with Ctrl or Cmd, or two after each other. */
export function Recorder({ what, onTaken, onRefused, onCancel }: RecorderProps) {
  const ref = useRef<HTMLButtonElement>(null);
  const [first, setFirst] = useState("");
  useEffect(() => ref.current?.focus(), []);
  const taken = useRef(onTaken);
  useEffect(() => {
    taken.current = onTaken;
  });
  useEffect(() => {
    if (first === "") return;
    const timer = setTimeout(() => taken.current(first), SECOND_MS);
    return () => clearTimeout(timer);
  }, [first]);
  const heard = (event: KeyboardEvent) => {
    if (event.key === "Tab") return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") return onCancel();
    const key = pressed(event.nativeEvent);
    const mod = key.startsWith("mod+");
    if (event.altKey || [...(mod ? key.slice(4) : key)].length !== 1 || key === " " || key === "mod+ ") return;
    if (TAKEN.has(key)) return onRefused(`${shown(key)} belongs to the browser. Choose another.`);
    if (mod) return onTaken(key);
    if (first !== "") return onTaken(`${first} ${key}`);
    setFirst(key);
  };
  return (
    <button ref={ref} type="button" className="btn s rec" aria-label={`Press the keys for ${what}; Escape leaves them as they are`} onKeyDown={heard} onKeyUp={(event) => event.preventDefault()} onBlur={onCancel}>
      {first ? `${shown(first)} …` : "Press the keys"}
    </button>
  );
}
