/** What is picked of a list, and from where on a range goes. */
export interface Picked {
  keys: ReadonlySet<string>;
  from: string | null;
}

export const NOTHING: Picked = { keys: new Set(), from: null };

export function toggled({ keys }: Picked, key: string): Picked {
  const after = new Set(keys);
  if (!after.delete(key)) after.add(key);
  return { keys: after, from: key };
}

/** All from where the range begins to `to`, besides what was picked before. */
export function extended({ keys, from }: Picked, to: string, order: readonly string[]): Picked {
  const [one, other] = [order.indexOf(from ?? to), order.indexOf(to)];
  if (one < 0) return { keys: new Set([...keys, to]), from: to };
  return { keys: new Set([...keys, ...order.slice(Math.min(one, other), Math.max(one, other) + 1)]), from: from ?? to };
}

/** Without what is not there any more; the same where all of it is. */
export function still(picked: Picked, order: readonly string[]): Picked {
  const there = new Set(order);
  const keys = [...picked.keys].filter((key) => there.has(key));
  return keys.length === picked.keys.size ? picked : { keys: new Set(keys), from: picked.from };
}
