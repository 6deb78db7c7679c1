import { plural } from "./format";

/** What failed for good, and what waits for something that will not be done, in a sentence. */
export function problemsSaid(failed: number, stuck: number): string {
  if (stuck > 0) return `${failed > 0 ? plural(failed, "task") : "No task"} failed for good, and ${plural(stuck, "open task")} wait${stuck === 1 ? "s" : ""} for what will not be done.`;
  return failed > 0 ? `${plural(failed, "task")} failed for good and block${failed === 1 ? "s" : ""} nobody.` : "No task has failed for good.";
}
