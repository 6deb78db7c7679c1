import { lazy, Suspense } from "react";
import { useSearchParams } from "react-router";
import { Skeleton } from "@/components/States";

const List = lazy(() => import("./index").then((page) => ({ default: page.Component })));
const Board = lazy(() => import("./Board"));
const Timeline = lazy(() => import("./Timeline"));

/** Tasks as a list, on a board or over time. */
export function Component() {
  const [search] = useSearchParams();
  const view = search.get("view");
  return <Suspense fallback={<div style={{ padding: 20 }}><Skeleton rows={8} height={40} /></div>}>{view === "board" ? <Board /> : view === "timeline" ? <Timeline /> : <List />}</Suspense>;
}
