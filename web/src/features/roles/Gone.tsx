import { useInfiniteQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { Link, useSearchParams } from "react-router";
import { PageHeading } from "@/components/Page";
import { EmptyState, Skeleton } from "@/components/States";
import { versionsOf } from "./queries";

const Versions = lazy(() => import("./Versions"));

/** A role that is not there: it may have been once, and what it was can be read and restored. */
export function Gone({ name }: { name: string }) {
  const [search] = useSearchParams();
  const was = useInfiniteQuery({ ...versionsOf(name), retry: false }).data !== undefined;
  const all = <Link className="btn p" to="/agents/roles">All roles</Link>;
  if (!was) return <EmptyState page title="There is no such role" action={all}>None is called {name}. It may have been deleted.</EmptyState>;
  if (search.get("tab") !== "versions") return <EmptyState page title={`${name} was deleted`} action={<><Link className="btn p" to="?tab=versions">Its versions</Link>{all}</>}>What it was can still be read, and restored.</EmptyState>;
  return (
    <>
      <div className="ph"><div><PageHeading>{name}</PageHeading><p>It was deleted. Restoring a version brings it back.</p></div><div className="r">{all}</div></div>
      <Suspense fallback={<Skeleton rows={8} />}><Versions name={name} role={null} /></Suspense>
    </>
  );
}
