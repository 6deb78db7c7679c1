import { useEffect, useRef } from "react";
import { create } from "zustand";

/** Something the page at hand offers; the palette offers it too. */
export interface PageAction {
  key: string;
  label: string;
  note?: string;
  run: () => void;
}

export const usePageActions = create<{ actions: PageAction[] }>(() => ({ actions: [] }));

/** Offers an action in the palette for as long as it is shown; null: not now. */
export function useAction(action: PageAction | null): void {
  const run = useRef(action?.run);
  useEffect(() => {
    run.current = action?.run;
  });
  const { key, label, note } = action ?? {};
  useEffect(() => {
    if (!key || !label) return;
    const made: PageAction = { key, label, note, run: () => run.current?.() };
    usePageActions.setState(({ actions }) => ({ actions: [...actions, made] }));
    return () => usePageActions.setState(({ actions }) => ({ actions: actions.filter((one) => one !== made) }));
  }, [key, label, note]);
}
