import { lazy, Suspense } from "react";
import { useOnlookers } from "@/live/looking";

// Mostly nobody else is there.
const Faces = lazy(() => import("./OnlookerFaces"));

/** Who else looks at a request or a task that is open here. */
export function Onlookers({ item }: { item: string }) {
  const others = useOnlookers((all) => all[item]);
  return others ? <Suspense><Faces others={others} /></Suspense> : null;
}
