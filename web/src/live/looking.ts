import { useEffect } from "react";
import { create } from "zustand";
import type { Onlookers } from "./connection";

/** So long an item has to be open before it is told that somebody looks at it: going through a list is not looking. */
const SETTLED_MS = 250;
/** So many the server takes of one window. */
const MOST = 8;

/** Who else looks at what is open here, by item. */
export const useOnlookers = create<Record<string, Onlookers | undefined>>(() => ({}));

const open = new Map<object, readonly string[]>();
let tell: ((items: string[]) => void) | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

/** What is open in this window; nothing while nobody can see it. */
function looked(): string[] {
  return document.hidden ? [] : [...new Set([...open.values()].flat())].slice(0, MOST);
}

function now(): void {
  clearTimeout(timer);
  const items = looked();
  useOnlookers.setState((before) => Object.fromEntries(Object.entries(before).filter(([item]) => items.includes(item))), true);
  tell?.(items);
}

function soon(): void {
  clearTimeout(timer);
  timer = setTimeout(now, SETTLED_MS);
}

/** Tells the server, over the window's socket, what is open here; undo it by calling the answer. */
export function tellLooking(send: (items: string[]) => void): () => void {
  tell = send;
  document.addEventListener("visibilitychange", now);
  soon();
  return () => {
    tell = null;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", now);
  };
}

export function heardOnlookers(item: string, others: Onlookers): void {
  if (looked().includes(item)) useOnlookers.setState({ [item]: others.names.length + others.more > 0 ? others : undefined });
}

/** Without a socket nobody is known to look. */
export function forgetOnlookers(): void {
  useOnlookers.setState({}, true);
}

/** These requests and tasks are open here, for as long as the part of the page that says so is. */
export function useLooking(items: readonly string[]): void {
  const key = items.join(" ");
  useEffect(() => {
    const mine = {};
    if (key) open.set(mine, key.split(" "));
    soon();
    return () => {
      open.delete(mine);
      soon();
    };
  }, [key]);
}

/** Tells windows of this browser from those of another; nobody is told of it. */
export function browserMark(): string {
  const kept = localStorage.getItem("muster-browser");
  if (kept) return kept;
  const made = crypto.getRandomValues(new Uint32Array(3)).join("-");
  localStorage.setItem("muster-browser", made);
  return made;
}
