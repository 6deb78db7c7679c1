import { useQuery } from "@tanstack/react-query";
import { overview } from "@/api/queries";
import type { Worker } from "@/api/types";
import { plural } from "@/lib/format";
import { type Draft, ELSEWHERE, SCRIPT } from "./draft";

/** What is known beforehand: who can run it, and what stands in front. */
export function ThisWill({ draft, workers }: { draft: Draft; workers: Worker[] | undefined }) {
  const figures = useQuery(overview).data;
  const able = workers?.filter((worker) => worker.live && (draft.agent === SCRIPT ? (worker.kinds ?? ["bash"]).includes("bash") : worker.capabilities.includes(`agent:${draft.agent}`))) ?? [];
  const free = able.reduce((sum, worker) => sum + Math.max(worker.capacity - worker.running, 0), 0);
  const queued = figures ? figures.open - (figures.tasks.running ?? 0) : 0;
  return (
    <aside className="this card" aria-label="What this will do">
      <h2>This will</h2>
      <dl className="dl">
        <dt>Run</dt><dd>{draft.agent === ELSEWHERE ? "when an agent of yours claims it" : draft.agent === SCRIPT ? "as a shell script in a sandbox" : draft.agent ? `with ${draft.agent}${draft.role ? ` as ${draft.role}` : ""}` : draft.role ? `as ${draft.role}` : "…"}</dd>
        {draft.agent !== ELSEWHERE ? <><dt>Runs on</dt><dd>{able.length > 0 ? able.map((worker) => worker.host ?? worker.id).join(", ") : workers ? "no worker that is there now" : "…"}</dd></> : null}
        <dt>Starts</dt><dd>{draft.agent === ELSEWHERE ? "not by itself" : able.length === 0 ? "when a worker that can run it is there" : free > 0 ? "now" : `when a place is free; ${plural(queued, "task")} wait`}</dd>
        {draft.agent !== SCRIPT && draft.agent !== ELSEWHERE && draft.directory ? <><dt>Changes</dt><dd>in a working copy of its own, on a branch</dd></> : null}
        <dt>Cost</dt><dd>{draft.agent === SCRIPT || draft.agent === "scripted" ? "no charge" : draft.cap ? `at most $${draft.cap} an attempt` : "no cap set"}</dd>
      </dl>
    </aside>
  );
}
