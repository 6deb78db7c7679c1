import { useMutation, useQueryClient } from "@tanstack/react-query";
import { say, sayFailed } from "./toasts";

interface Acts<T, A> {
  /** What is said when it did not work: "Not paused". */
  failed: string;
  /** What is said when it did. */
  said?: string | ((made: T, given: A) => string);
  then?: (made: T, given: A) => void;
}

/** A command to the server: says how it went, and lets what is shown be asked for anew. */
export function useAct<T, A = void>(run: (given: A) => Promise<T>, { failed, said, then }: Acts<T, A>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: run,
    onSuccess: (made, given) => {
      if (said) say(typeof said === "string" ? said : said(made, given));
      then?.(made, given);
    },
    onError: (error) => sayFailed(failed, error),
    onSettled: () => void queries.invalidateQueries(),
  });
}
