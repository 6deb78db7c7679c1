import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { Link, useSearchParams } from "react-router";
import type { ListedRoleVersion, Role } from "@/api/types";
import { DiffLines } from "@/components/diff/DiffLines";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { TimeAgo } from "@/components/TimeAgo";
import { say } from "@/components/toasts";
import { useAct } from "@/components/useAct";
import { ApiProblem } from "@/api/client";
import { cx } from "@/lib/cx";
import { parseDiff } from "@/lib/diff";
import { usePageWidth } from "@/lib/useWidth";
import { useOnline } from "@/live/live";
import { diffOf, restore, versionOf, versionsOf } from "./queries";
import { Sheet } from "./Sheet";

/** Narrower than this, two columns of a prompt are harder to read than one. */
const SPLIT_PX = 760;

/** What was made of a role: a list, one version as it was, or two side by side. `role`: as it is, unless it was deleted. */
export default function Versions({ name, role }: { name: string; role: Role | null }) {
  const online = useOnline();
  const [search, setSearch] = useSearchParams();
  const list = useInfiniteQuery(versionsOf(name));
  const back = useAct(({ version, from }: { version: number; from: number; undo: boolean }) => restore(name, version, from), {
    failed: "Not restored",
    then: (made, { version, from, undo }) => {
      set({ before: null, after: null, version: null });
      if (made.version === from) say(`It reads as version ${version} already`);
      else if (undo && from > 0) say(`Version ${version} is back, as version ${made.version}`, { label: "Undo", run: () => back.mutate({ version: from, from: made.version, undo: false }) });
      else say(`Version ${version} is back, as version ${made.version}`);
    },
  });
  const set = (values: Record<string, number | null>) => setSearch((before) => {
    const after = new URLSearchParams(before);
    for (const [key, value] of Object.entries(values)) { if (value === null) after.delete(key); else after.set(key, String(value)); }
    return after;
    // What was just pressed shows it at once.
  }, { flushSync: true });
  if (list.isError && !list.data) {
    return list.error instanceof ApiProblem && list.error.status === 404
      ? <EmptyState title="There are no versions">No role was ever called {name}.</EmptyState>
      : <ErrorState what="The versions could not be loaded" error={list.error} retry={() => void list.refetch()} />;
  }
  if (!list.data) return <Skeleton rows={8} />;
  const all = list.data.pages.flatMap((page) => page.items);
  const newest = all[0]!.version;
  const after = numberIn(search, "after") ?? newest;
  const before = numberIn(search, "before") ?? Math.max(after - 1, 1);
  const read = numberIn(search, "version");
  return (
    <div className="vers">
      <section className="card pan" aria-label="Versions">
        {newest > 1 ? <p className="heads" aria-hidden="true"><span>Before</span><span>After</span></p> : null}
        <ol className={newest > 1 ? undefined : "lone"}>
          {all.map((one) => (
            <li key={one.version} className={cx(read === one.version && "on")}>
              {newest > 1 ? (
                <>
                  <Pick which="before" version={one.version} chosen={read === null && before === one.version} onPick={() => set({ before: one.version, after, version: null })} />
                  <Pick which="after" version={one.version} chosen={read === null && after === one.version} onPick={() => set({ before, after: one.version, version: null })} />
                </>
              ) : null}
              <Line one={one} />
              <span className="do">
                <button type="button" className="btn s" aria-label={`Read version ${one.version}`} aria-pressed={read === one.version} onClick={() => set({ version: read === one.version ? null : one.version })}>Read</button>
                {one.current ? null : <button type="button" className="btn s" aria-label={`Restore version ${one.version}`} disabled={!online || back.isPending} onClick={() => back.mutate({ version: one.version, from: role?.version ?? 0, undo: true })}>Restore</button>}
              </span>
            </li>
          ))}
        </ol>
        {list.hasNextPage ? <p className="note"><button type="button" className="btn" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show older</button></p> : null}
      </section>
      {read !== null ? <Reading name={name} version={read} /> : newest === 1 ? <EmptyState title="There is one version so far">Each change that is saved makes another; they can be compared here then.</EmptyState> : <Compared name={name} before={before} after={after} />}
    </div>
  );
}

function numberIn(search: URLSearchParams, key: string): number | null {
  const text = search.get(key);
  return text !== null && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : null;
}

function Pick({ which, version, chosen, onPick }: { which: "before" | "after"; version: number; chosen: boolean; onPick: () => void }) {
  return <label className="pick"><input type="radio" name={which} checked={chosen} onChange={onPick} aria-label={`Version ${version} ${which}`} /></label>;
}

function Line({ one }: { one: ListedRoleVersion }) {
  return (
    <div className="what">
      <b>Version {one.version}</b>{one.current ? <span className="chip">now</span> : null}
      <span className="m2"><TimeAgo at={one.at} />{one.by ? ` by ${one.by}` : ""}</span>
      <p>{one.words}</p>
    </div>
  );
}

function Compared({ name, before, after }: { name: string; before: number; after: number }) {
  const wide = usePageWidth() >= SPLIT_PX;
  const diff = useQuery(diffOf(name, before, after));
  const title = `Version ${before} and version ${after}`;
  return (
    <section className="card pan" aria-label={title}>
      <h2>{title}</h2>
      {diff.isError ? <NotThere what="They could not be compared" error={diff.error} retry={() => void diff.refetch()} />
        : diff.data === undefined ? <Skeleton rows={8} />
        : diff.data === "" ? <EmptyState title="They say the same">{before === after ? "It is one version. Choose another one before or after." : "Nothing is other in one than in the other."}</EmptyState>
        : <Sides diff={diff.data} split={wide} before={before} after={after} label={title} />}
    </section>
  );
}

/** All lines of both, under a head that says which is which. */
function Sides({ diff, split, before, after, label }: { diff: string; split: boolean; before: number; after: number; label: string }) {
  const header = split ? `Version ${before} on the left, version ${after} on the right` : `− only in version ${before}, + only in version ${after}`;
  const hunks = useMemo(() => parseDiff(diff).map((hunk) => ({ ...hunk, header })), [diff, header]);
  return <DiffLines diff={diff} hunks={hunks} split={split} label={label} />;
}

function Reading({ name, version }: { name: string; version: number }) {
  const found = useQuery(versionOf(name, version));
  return (
    <section className="card pan" aria-label={`Version ${version}`}>
      <h2>Version {version}</h2>
      {found.isError ? <NotThere what="The version could not be loaded" error={found.error} retry={() => void found.refetch()} /> : found.data ? <Sheet role={found.data} /> : <Skeleton rows={8} />}
    </section>
  );
}

function NotThere({ what, error, retry }: { what: string; error: unknown; retry: () => void }) {
  return error instanceof ApiProblem && error.status === 404 ? <EmptyState title="There is no such version" action={<Link className="btn" to="?tab=versions">The newest two</Link>}>{error.message}</EmptyState> : <ErrorState what={what} error={error} retry={retry} />;
}
