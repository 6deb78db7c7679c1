/** So many requests are on their way at once. */
const AT_ONCE = 6;

/** One of many with which something could not be done. */
export interface Failed<T> {
  row: T;
  error: unknown;
}

/** Does something with each of many, in their order; one that fails keeps none of the others from it. */
export async function each<T>(rows: readonly T[], act: (row: T) => Promise<unknown>): Promise<{ done: T[]; failed: Failed<T>[] }> {
  const refused = new Map<T, Failed<T>>();
  const waiting = [...rows];
  const work = async () => {
    for (let row = waiting.shift(); row !== undefined; row = waiting.shift()) {
      try {
        await act(row);
      } catch (error) {
        refused.set(row, { row, error });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { done: rows.filter((row) => !refused.has(row)), failed: rows.flatMap((row) => refused.get(row) ?? []) };
}
