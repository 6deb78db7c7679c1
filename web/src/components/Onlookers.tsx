import { lazy, Suspense } from "react";
import { useOnlookers } from "@/live/looking";

// Mostly nobody else is there.
const Faces = lazy(() => import("./OnlookerFaces"));

/** Who else looks at a request or a task that is open here. `within`: an item that shows its own beside it; the same are not shown twice. */
export function Onlookers({ item, within = "" }: { item: string; within?: string }) {
  const others = useOnlookers((all) => all[item]);
  const shown = useOnlookers((all) => all[within]);
  return others && JSON.stringify(others) !== JSON.stringify(shown) ? <Suspense><Faces others={others} /></Suspense> : null;
}
