import { useEffect, useRef } from "react";
import type { FleetRow } from "@/api/types";
import { type Group, keyOf } from "./rows";

export interface Held {
  groups: Group[];
  /** Rows that are somewhere else, new or gone by now, and shown so only later. */
  pending: number;
}

/** What was shown, with what is known now: rows keep their places, figures move on. */
export function hold(shown: Group[], now: Group[]): Held {
  const fresh = new Map<string, FleetRow>();
  const place = new Map<string, string>();
  for (const group of now) {
    for (const row of group.rows) {
      fresh.set(keyOf(row), row);
      place.set(keyOf(row), group.key);
    }
  }
  let pending = 0;
  const seen = new Set<string>();
  const groups = shown.map((group) => ({
    ...group,
    rows: group.rows.map((row) => {
      const key = keyOf(row);
      seen.add(key);
      if (place.get(key) !== group.key) pending += 1;
      return fresh.get(key) ?? row;
    }),
  }));
  for (const key of fresh.keys()) if (!seen.has(key)) pending += 1;
  return { groups, pending };
}

/** The groups to show: while somebody points at the list, nothing moves in it, but for another order (`by`) they ask for. */
export function useStill(now: Group[], held: boolean, by: string): Held {
  const shown = useRef({ groups: now, by });
  const result = held && shown.current.by === by ? hold(shown.current.groups, now) : { groups: now, pending: 0 };
  useEffect(() => {
    shown.current = { groups: result.groups, by };
  });
  return result;
}
