import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import type { components } from "@/api/schema";
import type { TaskCreate } from "@/api/types";

type Schemas = components["schemas"];
export type Listing = Schemas["FolderListing"];
export type Folder = Listing["here"];
export type UsedFolder = Schemas["UsedFolder"];
export type Estimate = Schemas["TaskEstimate"];
export type Range = NonNullable<Estimate["seconds"]>;

const FRESH_MS = 10_000;

/** Folders that tasks were given, the one used last first. */
export const usedFolders = queryOptions({
  queryKey: ["directories", "recent"],
  queryFn: () => answer(api.GET("/api/v1/directories/recent")),
  staleTime: FRESH_MS,
});

/** The folders in one; null: in the first root. One that is not there gives the nearest above it. */
export function folders(path: string | null, hidden: boolean) {
  return queryOptions({
    queryKey: ["directories", path, hidden],
    queryFn: () => answer(api.GET("/api/v1/directories", { params: { query: { ...(path ? { path, nearest: true } : {}), hidden } } })),
    staleTime: FRESH_MS,
    placeholderData: keepPreviousData,
    retry: false,
  });
}

/** What tasks like this one came to, and when it would begin. */
export function estimate(body: TaskCreate) {
  return queryOptions({
    queryKey: ["estimate", body],
    queryFn: () => answer(api.POST("/api/v1/tasks/estimate", { body })),
    placeholderData: keepPreviousData,
    staleTime: FRESH_MS,
    refetchInterval: 30_000,
    retry: false,
  });
}

export type PromptAsked = Schemas["PromptPreviewFields"];

/** The prompt exactly as it would be sent. */
export function prompted(body: Partial<PromptAsked> & { title: string }) {
  return queryOptions({
    queryKey: ["preview", body],
    queryFn: () => answer(api.POST("/api/v1/prompts/preview", { body: body as PromptAsked })),
  });
}
