import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

type Texts = Record<string, string>;
type Typed = Record<string, { text: string; over: string }>;

/**
 * What somebody types over what is saved, field by field. Until they type it is what is saved, whoever changed that;
 * what they typed stays when the saved changes underneath, and is forgotten once it is what is saved, or was saved.
 */
export function useDraft<T extends Texts>(saved: T) {
  const queries = useQueryClient();
  const [typed, setTyped] = useState<Typed>({});
  const open = Object.entries(typed).filter(([key, { text }]) => text !== saved[key]);
  if (open.length < Object.keys(typed).length) setTyped(Object.fromEntries(open));
  const kept = new Map(open);
  return {
    values: { ...saved, ...Object.fromEntries(open.map(([key, { text }]) => [key, text])) } as T,
    /** Whether anything, or this field, is other than what is saved. */
    changed: (key?: keyof T & string) => (key ? kept.has(key) : open.length > 0),
    /** Whether somebody else saved this field since typing began. */
    overtaken: (key: keyof T & string) => kept.has(key) && kept.get(key)!.over !== saved[key],
    set: (part: Partial<T>) => setTyped((before) => ({
      ...before, ...Object.fromEntries(Object.entries(part).map(([key, text]) => [key, { text: text as string, over: before[key]?.over ?? saved[key]! }])),
    })),
    /** What is typed now is being saved: it is shown until that is asked for anew, as somebody may have saved other words since. */
    saving: (saved: Promise<unknown>) => {
      const fresh = saved.then(() => queries.invalidateQueries());
      const sent = ([key, { text }]: [string, { text: string }]) => kept.get(key)?.text.trim() === text.trim();
      fresh.then(() => setTyped((now) => Object.fromEntries(Object.entries(now).filter((field) => !sent(field)))), () => undefined);
    },
    drop: () => setTyped({}),
  };
}
