import { createBrowserRouter } from "react-router";
import { Broken, Missing } from "./Broken";
import { Frame, Shell } from "./Shell";

/** The list of tasks comes beside what chooses between it and the board, not after. */
const list = () => (/view=(board|timeline)/.test(location.search) ? null : import("@/features/tasks/index"));

export const router = createBrowserRouter([
  {
    path: "/",
    element: <Shell />,
    errorElement: <Broken />,
    hydrateFallbackElement: <Frame />,
    children: [
      {
        errorElement: <Broken />,
        children: [
          { index: true, lazy: () => import("@/features/fleet/index") },
          { path: "inbox/:id?", lazy: () => import("@/features/inbox/index") },
          { path: "tasks", lazy: () => { void list(); return import("@/features/tasks/views"); } },
          { path: "tasks/new", lazy: () => import("@/features/new-task/index") },
          { path: "tasks/:id/changes", lazy: () => import("@/features/task/review") },
          { path: "tasks/:id/:tab?", lazy: () => import("@/features/task/index") },
          { path: "agents", lazy: () => import("@/features/agents/index") },
          { path: "agents/roles/:name?", lazy: () => import("@/features/roles/index") },
          { path: "agents/:id/:tab?", lazy: () => import("@/features/agents/agent") },
          { path: "chat/:agent?", lazy: () => import("@/features/chat/index") },
          { path: "queues/dead-letters", lazy: () => import("@/features/dead-letters/index") },
          { path: "queues/:id?", lazy: () => import("@/features/queues/index") },
          { path: "projects", lazy: () => import("@/features/projects/index") },
          { path: "projects/:id/:tab?", lazy: () => import("@/features/projects/project") },
          { path: "sessions", lazy: () => import("@/features/sessions/index") },
          { path: "sessions/:id", lazy: () => import("@/features/sessions/session") },
          { path: "scripts/:name?", lazy: () => import("@/features/scripts/index") },
          { path: "sandboxes", lazy: () => import("@/features/sandboxes/index") },
          { path: "sandboxes/:id", lazy: () => import("@/features/sandboxes/detail") },
          { path: "sandboxes/:id/console", lazy: () => import("@/features/sandboxes/console/index") },
          { path: "activity", lazy: () => import("@/features/activity/index") },
          { path: "settings/:section?", lazy: () => import("@/features/settings/index") },
          { path: "*", element: <Missing /> },
        ],
      },
    ],
  },
]);
