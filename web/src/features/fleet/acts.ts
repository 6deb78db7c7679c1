import { useQueryClient } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import type { FleetRow } from "@/api/types";
import { say, sayFailed } from "@/components/toasts";
import { each } from "@/lib/each";
import { plural } from "@/lib/format";

export type Act = "pause" | "resume" | "stop" | "say";

const DONE: Record<Act, string> = { pause: "Paused", resume: "Resumed", stop: "Stopped", say: "Told" };
const UNDO_MS = 10_000;
const BY = "web interface";

/** Those that work on something, which can be told of it. */
export function atWork(rows: FleetRow[]): FleetRow[] {
  return rows.filter((row) => row.task_id !== null && row.attempt_id !== null);
}

/** Agents behind rows, of which one that does several things has several. */
export function agentsIn(rows: FleetRow[]): string {
  return plural(new Set(rows.map((row) => row.agent_id)).size, "agent");
}

function one(act: Act, row: FleetRow, text: string): Promise<unknown> {
  const path = { params: { path: { task_id: row.task_id ?? "" } } };
  if (act === "stop") return answer(api.POST("/api/v1/tasks/{task_id}/cancel", { ...path, body: { reason: "" } }));
  return answer(api.POST("/api/v1/tasks/{task_id}/messages", { ...path, body: { ...(text ? { text } : {}), kind: act, by: BY } as { kind: "say"; text: string; by: string } }));
}

/** Does something with agents at work, and says how it went; what can be undone is offered to be. */
export function useActs(): (act: Act, rows: FleetRow[], text?: string) => Promise<void> {
  const queries = useQueryClient();
  const run = async (act: Act, rows: FleetRow[], text = ""): Promise<void> => {
    const meant = atWork(rows);
    const { done, failed } = await each(meant, (row) => one(act, row, text));
    const undo = act === "pause" || act === "resume" ? { label: "Undo", run: () => void run(act === "pause" ? "resume" : "pause", done) } : undefined;
    if (done.length > 0) say(`${DONE[act]} ${agentsIn(done)}`, undo, undo && done.length > 1 ? UNDO_MS : undefined);
    const [first] = failed;
    if (first) sayFailed(`Not ${DONE[act].toLowerCase()}: ${failed.length === 1 ? first.row.name : agentsIn(failed.map(({ row }) => row))}`, first.error);
    for (const queryKey of [["fleet"], ["task"], ["tasks"], ["overview"]]) void queries.invalidateQueries({ queryKey });
  };
  return run;
}
