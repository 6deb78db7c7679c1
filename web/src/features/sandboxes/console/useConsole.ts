import { type RefObject, useEffect, useRef, useState } from "react";
import { type At, ConsoleLine, openConsole, type Opened } from "@/api/consoles";
import { bindings, heardAs } from "@/lib/bindings";
import { pressed } from "@/lib/keys";
import { openScreen, type Screen } from "./screen";

export const LEAVE = "mod+]";

export interface ConsoleState {
  opened: Opened | null;
  at: At;
  error: unknown;
  /** Puts the focus into the terminal. */
  focus: () => void;
}

/** A console in a sandbox and its screen, from the first drawing to the end of the page; `round` counts those opened anew. */
export function useConsole(sandbox: string, round: number, place: RefObject<HTMLDivElement | null>, onLeave: () => void): ConsoleState {
  const [state, setState] = useState<Omit<ConsoleState, "focus">>({ opened: null, at: { at: "opening" }, error: null });
  const screen = useRef<Screen | null>(null);
  const leave = useRef(onLeave);
  useEffect(() => {
    leave.current = onLeave;
  });
  useEffect(() => {
    let line: ConsoleLine | null = null;
    let gone = false;
    const isLeave = (event: KeyboardEvent) => {
      if (event.type !== "keydown" || heardAs(pressed(event), location.pathname, bindings()) !== LEAVE) return false;
      event.preventDefault();
      leave.current();
      return true;
    };
    const begin = async () => {
      setState({ opened: null, at: { at: "opening" }, error: null });
      const made = await openScreen(place.current!, "Console", { onType: (data) => line?.type(data), onSize: (columns, rows) => line?.resize(columns, rows), isLeave });
      if (gone) return made.close();
      screen.current = made;
      const opened = await openConsole(sandbox, made.columns, made.rows);
      line = new ConsoleLine(opened.id, {
        onBytes: made.write,
        onAt: (at) => {
          if (at.at === "ended") made.freeze();
          setState((before) => (before.at.at === at.at ? before : { ...before, at }));
        },
      });
      if (gone) return line.close();
      setState((before) => ({ ...before, opened }));
      line.resize(made.columns, made.rows);
      made.focus();
      await line.read();
    };
    begin().catch((error: unknown) => { if (!gone) setState((before) => ({ ...before, error })); });
    const leaving = () => line?.close();
    addEventListener("pagehide", leaving);
    return () => {
      gone = true;
      removeEventListener("pagehide", leaving);
      line?.close();
      screen.current?.close();
      screen.current = null;
    };
  }, [sandbox, round, place]);
  return { ...state, focus: () => screen.current?.focus() };
}
