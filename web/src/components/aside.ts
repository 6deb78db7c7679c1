import type { QueryClient } from "@tanstack/react-query";
import { setAside, takeBack } from "@/api/queries";
import { plural } from "@/lib/format";
import { visible } from "@/lib/visible";
import { say, sayFailed } from "./toasts";

export const UNDO_MANY_MS = 10_000;
/** So many requests are on their way at once. */
const AT_ONCE = 6;

export interface Result {
  id: string;
  title: string;
}

/** What could not be done with one of many, and why. */
export interface Failure extends Result {
  why: string;
}

/** Does something with each of many; one that fails keeps none of the others from it. */
export async function each(rows: readonly Result[], act: (id: string) => Promise<unknown>): Promise<{ done: Result[]; failed: Failure[] }> {
  const done: Result[] = [];
  const failed: Failure[] = [];
  const waiting = [...rows];
  const work = async () => {
    for (let row = waiting.shift(); row; row = waiting.shift()) {
      const { id, title } = row;
      try {
        await act(id);
        done.push({ id, title });
      } catch (error) {
        failed.push({ id, title, why: error instanceof Error ? error.message : String(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { done, failed };
}

/** Sets results aside, says so with a way back, and answers what it could not set aside. */
export async function setAllAside(rows: readonly Result[], queries: QueryClient): Promise<Failure[]> {
  const { done, failed } = await each(rows, setAside);
  void queries.invalidateQueries();
  const said = done.length === 1 ? "Set aside; its branch stays" : `${plural(done.length, "result")} set aside; their branches stay`;
  if (done.length > 0) say(said, { label: "Undo", run: () => void undoAside(done, queries) }, done.length > 1 ? UNDO_MANY_MS : undefined);
  return failed;
}

export async function undoAside(rows: readonly Result[], queries: QueryClient): Promise<void> {
  const { done, failed } = await each(rows, takeBack);
  void queries.invalidateQueries();
  if (done.length > 0) say(done.length === 1 ? "Taken back" : `${plural(done.length, "result")} taken back`);
  if (failed.length > 0) sayFailed("Not taken back", failed.map(({ title, why }) => `${visible(title)}: ${why}`).join(" "));
}
