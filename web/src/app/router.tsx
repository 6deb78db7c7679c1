import { createBrowserRouter } from "react-router";
import { Broken, Missing } from "./Broken";
import { Shell } from "./Shell";

export const router = createBrowserRouter([
  {
    path: "/",
    element: <Shell />,
    errorElement: <Broken />,
    hydrateFallbackElement: <div className="app" />,
    children: [
      {
        errorElement: <Broken />,
        children: [
          { index: true, lazy: () => import("@/features/fleet/index") },
          { path: "inbox/:id?", lazy: () => import("@/features/inbox/index") },
          { path: "tasks", lazy: () => import("@/features/tasks/index") },
          { path: "tasks/new", lazy: () => import("@/features/new-task/index") },
          { path: "tasks/:id/changes", lazy: () => import("@/features/task/review") },
          { path: "tasks/:id/:tab?", lazy: () => import("@/features/task/index") },
          { path: "sandboxes", lazy: () => import("@/features/sandboxes/index") },
          { path: "sandboxes/:id", lazy: () => import("@/features/sandboxes/detail") },
          { path: "activity", lazy: () => import("@/features/activity/index") },
          { path: "settings", lazy: () => import("@/features/settings/index") },
          { path: "*", element: <Missing /> },
        ],
      },
    ],
  },
]);
