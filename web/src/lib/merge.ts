export type Values = Record<string, unknown>;

/** The same JSON value, whatever the order of its names. */
export function same(one: unknown, other: unknown): boolean {
  return one === other || text(one) === text(other);
}

function text(value: unknown): string | undefined {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner);
}

/** What was set here and what was set elsewhere, since both knew `base`: by name, where both did, what was set here. */
export function merged(base: Values, mine: Values, theirs: Values): Values {
  const all: Values = {};
  for (const name of new Set([...Object.keys(mine), ...Object.keys(theirs)])) {
    const value = same(mine[name], base[name]) ? theirs[name] : mine[name];
    if (value !== undefined) all[name] = value;
  }
  return all;
}
