import { useQuery } from "@tanstack/react-query";
import { Link, useLocation, useSearchParams } from "react-router";
import type { Attempt, Task } from "@/api/types";
import { StateGlyph } from "@/components/StateGlyph";
import { seenAttempt, seenTask } from "@/lib/states";
import { visible } from "@/lib/visible";
import { firstRun, reruns } from "./queries";

/** Why an attempt ended, in a line. */
export function whyOf(attempt: Attempt): string {
  if (attempt.state === "running") return attempt.message ?? "it runs";
  const exit = attempt.exit_code !== null && attempt.exit_code !== 0 ? `exit ${attempt.exit_code}` : "";
  const said = attempt.state === "succeeded" ? "" : (attempt.error ?? "").trim().split("\n")[0];
  return [attempt.code, exit, said].filter(Boolean).join(", ") || (attempt.state === "succeeded" ? "done" : attempt.state);
}

/** The attempts of a task, to choose one from; `Attempt 2 of 3`. */
export function AttemptPicker({ task, attempts, attempt }: { task: Task; attempts: Attempt[]; attempt: Attempt | null }) {
  const [search] = useSearchParams();
  const { pathname } = useLocation();
  if (attempts.length < 2 || !attempt) return null;
  const to = (number: number) => { const after = new URLSearchParams(search); after.set("attempt", String(number)); return `${pathname}?${after}`; };
  const shown = attempts.slice(-8);
  return (
    <>
      <span className="chip">Attempt {attempt.number} of {Math.max(task.max_attempts, attempts.at(-1)!.number)}</span>
      <span className="seg" role="group" aria-label="Attempts">
        {shown.map((one) => <Link key={one.id} to={to(one.number)} replace aria-current={one.id === attempt.id || undefined} className={one.id === attempt.id ? "on" : undefined} title={`Attempt ${one.number}: ${whyOf(one)}`}><StateGlyph state={seenAttempt(one.state).state} size={11} />{one.number}</Link>)}
      </span>
    </>
  );
}

/** Other runs of the same work, beside the title. */
export function RunPicker({ task }: { task: Task }) {
  const first = firstRun(task);
  const items = useQuery(reruns(first)).data?.items ?? [];
  if (items.length === 0) return null;
  const later = [...items].reverse().map((one) => ({ id: one.id, state: seenTask(one, false).state, title: one.title }));
  const all = [{ id: first, state: null, title: "The first run" }, ...later];
  return (
    <span className="seg" role="group" aria-label="Runs of the same work" style={{ overflowX: "auto", maxWidth: "100%" }}>
      {all.map((one, index) => <Link key={one.id} to={`/tasks/${one.id}`} className={one.id === task.id ? "on" : undefined} aria-current={one.id === task.id ? "page" : undefined} title={visible(one.title)}>{one.state ? <StateGlyph state={one.state} size={11} /> : null}Run {index + 1}</Link>)}
    </span>
  );
}
