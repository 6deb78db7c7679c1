import type { QueryClient } from "@tanstack/react-query";
import { setAside, takeBack } from "@/api/queries";
import { each, type Failed } from "@/lib/each";
import { plural } from "@/lib/format";
import { visible } from "@/lib/visible";
import { say, sayFailed } from "./toasts";

export const UNDO_MANY_MS = 10_000;

export interface Result {
  id: string;
  title: string;
}

/** What could not be done with one of many, and why. */
export interface Failure extends Result {
  why: string;
}

function named({ row, error }: Failed<Result>): Failure {
  return { id: row.id, title: row.title, why: error instanceof Error ? error.message : String(error) };
}

/** Sets results aside, says so with a way back, and answers what it could not set aside. */
export async function setAllAside(rows: readonly Result[], queries: QueryClient): Promise<Failure[]> {
  const { done, failed } = await each(rows, (row) => setAside(row.id));
  void queries.invalidateQueries();
  const said = done.length === 1 ? "Set aside; its branch stays" : `${plural(done.length, "result")} set aside; their branches stay`;
  if (done.length > 0) say(said, { label: "Undo", run: () => void undoAside(done, queries) }, done.length > 1 ? UNDO_MANY_MS : undefined);
  return failed.map(named);
}

export async function undoAside(rows: readonly Result[], queries: QueryClient): Promise<void> {
  const { done, failed } = await each(rows, (row) => takeBack(row.id));
  void queries.invalidateQueries();
  if (done.length > 0) say(done.length === 1 ? "Taken back" : `${plural(done.length, "result")} taken back`);
  if (failed.length > 0) sayFailed("Not taken back", failed.map(named).map(({ title, why }) => `${visible(title)}: ${why}`).join(" "));
}
