import { useQueryClient } from "@tanstack/react-query";
import type { Overview } from "@/api/types";

/** The server's version, when it was told already. */
export function useVersion(): string {
  return useQueryClient().getQueryData<Overview>(["overview"])?.version ?? "";
}
