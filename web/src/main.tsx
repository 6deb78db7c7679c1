import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode, useEffect } from "react";
import { createRoot } from "react-dom/client";
import { RouterProvider } from "react-router/dom";
import { ApiProblem } from "@/api/client";
import { fleet, overview, pendingApprovals, problems, stuck, toReview } from "@/api/queries";
import { router } from "@/app/router";
import { keepForOffline } from "@/live/offline";
import { goLive } from "@/live/live";
import "@/styles/app.css";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 1_000,
      refetchOnWindowFocus: false,
      // What the server refuses it refuses again; what did not get through is tried after 1, 2, 4 s.
      retry: (failures, error) => failures < 3 && !(error instanceof ApiProblem && error.status >= 400 && error.status < 500),
      retryDelay: (attempt) => 1_000 * 2 ** attempt,
    },
  },
});

function App() {
  useEffect(() => goLive(queries, (path) => void router.navigate(path)), []);
  return (
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  );
}

// The frame of every page shows these; they are on their way while the page's code is.
void queries.prefetchQuery(overview);
void queries.prefetchQuery(fleet);
// And these what needs a person, on the first page.
if (location.pathname === "/") {
  void queries.prefetchQuery(pendingApprovals);
  void queries.prefetchQuery(problems);
  void queries.prefetchQuery(toReview);
  void queries.prefetchQuery(stuck);
}
// What is kept for bad times comes once the page is there, which needs the network first.
if (document.readyState === "complete") keepForOffline();
else addEventListener("load", keepForOffline, { once: true });

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
