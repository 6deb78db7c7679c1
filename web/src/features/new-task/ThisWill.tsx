import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Worker } from "@/api/types";
import { compact, cost, count, duration, percent, plural } from "@/lib/format";
import { useSettled } from "@/lib/useSettled";
import { type Draft, ELSEWHERE, problemsOf, requestOf, SCRIPT } from "./draft";
import { PromptPreview } from "./PromptPreview";
import { type Estimate, estimate, type Range } from "./queries";

const WORDS: Record<string, string> = { type: "type", agent: "agent", queue: "queue", directory: "directory" };

/** What is known beforehand: what tasks like it came to, who can run it, when it would begin. */
export function ThisWill({ draft, workers }: { draft: Draft; workers: Worker[] | undefined }) {
  const [preview, setPreview] = useState(false);
  const wanted = useSettled(asked(draft));
  const { data, error, isPlaceholderData } = useQuery({ ...estimate(wanted), enabled: draft.agent !== "" || draft.role !== "" });
  const able = workers?.filter((worker) => worker.live && (draft.agent === SCRIPT ? (worker.kinds ?? ["bash"]).includes("bash") : worker.capabilities.includes(`agent:${draft.agent}`))) ?? [];
  const agentic = draft.agent !== SCRIPT && draft.agent !== ELSEWHERE;
  const stale = isPlaceholderData || JSON.stringify(wanted) !== JSON.stringify(asked(draft));
  return (
    <aside className="this card" aria-label="What this will do">
      <h2>This will</h2>
      <dl className="dl" style={stale && data ? { color: "var(--fg-3)" } : undefined}>
        <dt>Run</dt><dd>{draft.agent === ELSEWHERE ? "when an agent of yours claims it" : draft.agent === SCRIPT ? "as a shell script in a sandbox" : draft.agent ? `with ${draft.agent}${draft.role ? ` as ${draft.role}` : ""}` : draft.role ? `as ${draft.role}` : "…"}</dd>
        <dt>Cost</dt><dd className="num">{draft.agent === SCRIPT || draft.agent === "scripted" ? "no charge" : data ? costOf(data) : "…"}{draft.cap && agentic ? `; at most $${draft.cap} an attempt` : ""}</dd>
        <dt>Time</dt><dd className="num">{data ? timeOf(data.seconds) : "…"}</dd>
        {data?.tokens && agentic ? <><dt>Tokens</dt><dd className="num">{rangeOf(data.tokens, compact)}</dd></> : null}
        {draft.agent !== ELSEWHERE && agentic ? <><dt>Runs on</dt><dd>{able.length > 0 ? able.map((worker) => worker.host ?? worker.id).join(", ") : workers ? "no worker that is there now" : "…"}{data && data.workers > 0 ? `; ${plural(data.free_places, "place")} free` : ""}</dd></> : null}
        <dt>Starts</dt><dd>{data ? startOf(data) : "…"}</dd>
        {agentic && draft.directory ? <><dt>Changes</dt><dd>{draft.own ? "in a working copy of its own, on a branch" : "the files in the folder itself"}</dd></> : null}
      </dl>
      {data ? <p className="mut" style={{ fontSize: "var(--t-xs)" }}>{basisOf(data)}</p> : null}
      {error && !data ? <p className="mut" style={{ fontSize: "var(--t-xs)" }}>No estimate: {(error as Error).message}</p> : null}
      {agentic ? <button type="button" className="btn" onClick={() => setPreview(true)}>Preview full prompt</button> : null}
      {preview ? <PromptPreview draft={draft} onClose={() => setPreview(false)} /> : null}
    </aside>
  );
}

/** The task as far as an estimate depends on it: not its words, so that typing asks for nothing anew. */
function asked(draft: Draft) {
  const bad = problemsOf({ ...draft, prompt: "x" });
  const { directory, cap } = draft;
  return requestOf({ ...draft, title: "A task", prompt: "(not written yet)", pasted: [], session: "", options: "", check: "", directory: bad.directory ? "" : directory, cap: bad.cap ? "" : cap });
}

function rangeOf(range: Range, shown: (value: number) => string): string {
  const [low, high] = [shown(range.low), shown(range.high)];
  return low === high ? low : `${low} – ${high}`;
}

function costOf({ cost_usd: range, similar }: Estimate): string {
  if (range) return rangeOf(range, (value) => cost(value));
  return similar > 0 ? "unpriced" : "not known yet";
}

function timeOf(range: Range | null): string {
  return range ? rangeOf(range, duration) : "not known yet";
}

function startOf({ waits_for: hold, starts_in_seconds: wait, position }: Estimate): string {
  const place = `position ${count(position)}`;
  if (hold) return `not by itself yet: ${hold.message}`;
  if (!wait) return `when a place is free, ${place}`;
  if (wait.high === 0) return `now, ${place}`;
  return `in about ${duration(wait.typical)}, ${place}`;
}

function basisOf({ similar, same, rough, succeeded }: Estimate): string {
  if (similar === 0) return "First of its kind: rough. Nothing like it has ended yet.";
  const alike = same.map((one) => WORDS[one] ?? one);
  const words = alike.length > 1 ? `${alike.slice(0, -1).join(", ")} and ${alike.at(-1)}` : alike.join("");
  return `From ${plural(similar, "similar task")} (same ${words})${succeeded !== null ? `, ${percent(succeeded)} of which succeeded` : ""}${rough ? ": rough" : ""}.`;
}
