import { useKept } from "./kept";

/** Whether new requests are told of by a notification of the desktop: off until somebody switches it on. */
export function useNotify(): [boolean, (value: boolean | null) => void] {
  return useKept<boolean>("notify", false, (value) => (typeof value === "boolean" ? value : null));
}
