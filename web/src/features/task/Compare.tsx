import { useQuery } from "@tanstack/react-query";
import { Link, useSearchParams } from "react-router";
import { taskAttempts, taskFiles } from "@/api/queries";
import type { Attempt, Task } from "@/api/types";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { useNow } from "@/lib/clock";
import { visible } from "@/lib/visible";
import { filesOf, rowsOf } from "./compare";
import { firstRun, reruns } from "./queries";

/** An attempt of this task by its number, or the last one of another run by that one's id. */
function useSide(task: Task, attempts: Attempt[], wanted: string) {
  const other = wanted.startsWith("tsk_");
  const asked = useQuery({ ...taskAttempts(wanted), enabled: other });
  const attempt = other ? asked.data?.items.at(-1) : attempts.find((one) => String(one.number) === wanted);
  const id = other ? wanted : task.id;
  const files = useQuery({ ...taskFiles(id, attempt?.number), enabled: attempt !== undefined }).data;
  return { id, attempt, files, error: asked.error };
}

/** Two runs of the same work beside each other. */
export default function Compare({ task, attempts }: { task: Task; attempts: Attempt[] }) {
  const [search, setSearch] = useSearchParams();
  const now = useNow();
  const first = firstRun(task);
  const runs = useQuery(reruns(first)).data?.items ?? [];
  const others = [...runs.map((run) => run.id).reverse(), ...(first !== task.id ? [first] : [])].filter((id) => id !== task.id);
  const choices = [...attempts.map((one): [string, string] => [String(one.number), `Attempt ${one.number}`]), ...others.map((id, index): [string, string] => [id, id === first ? "The first run" : `Another run, ${index + 1}`])];
  const wantedB = search.get("b") ?? (others.at(-1) && attempts.length < 2 ? others.at(-1)! : String(attempts.at(-1)?.number ?? ""));
  const wantedA = search.get("a") ?? String((wantedB.startsWith("tsk_") ? attempts.at(-1) : attempts.at(-2))?.number ?? "");
  for (const one of [wantedA, wantedB]) if (one && !choices.some(([key]) => key === one)) choices.push([one, one]);
  const [a, b] = [useSide(task, attempts, wantedA), useSide(task, attempts, wantedB)];
  const set = (side: string, value: string) => setSearch((before) => { const after = new URLSearchParams(before); after.set(side, value); return after; }, { replace: true });
  const error = a.error ?? b.error;
  if (choices.length < 2) return <EmptyState title="Nothing to compare with yet">It was tried {attempts.length === 0 ? "not at all" : "once"}. Attempts, and other tasks made from it by Re-run, stand here beside each other.</EmptyState>;
  if (error) return <ErrorState what="The runs could not be loaded" error={error} />;
  const pick = (side: "a" | "b", value: string) => (
    <select className="inp" aria-label={side === "a" ? "First run" : "Second run"} value={value} onChange={(event) => set(side, event.target.value)}>
      {choices.map(([key, label]) => <option key={key} value={key}>{label}</option>)}
    </select>
  );
  const files = filesOf(a.files, b.files);
  return (
    <section className="card pan" aria-label="Compare runs">
      <h2>Compare runs</h2>
      <div style={{ overflowX: "auto" }} tabIndex={0} role="group" aria-label="The runs">
        <table className="cmp">
          <thead><tr><th scope="col"><span className="sr">What</span></th><th scope="col">{pick("a", wantedA)}</th><th scope="col">{pick("b", wantedB)}</th><th scope="col"><span className="sr">Difference</span></th></tr></thead>
          {!a.attempt || !b.attempt ? <tbody><tr><td colSpan={4}>{a.attempt || b.attempt ? "One of them has not been started." : <Skeleton rows={8} height={20} />}</td></tr></tbody> : (
            <tbody>
              {rowsOf({ attempt: a.attempt, files: a.files }, { attempt: b.attempt, files: b.files }, now).map((row) => (
                <tr key={row.label} className={row.a === row.b ? undefined : "differs"}><th scope="row">{row.label}</th><td>{visible(row.a)}</td><td>{visible(row.b)}</td><td className="num mut">{row.change}</td></tr>
              ))}
              {files.map((file) => (
                <tr key={file.path}>
                  <th scope="row" className="mono">{visible(file.path)}</th>
                  {([[a, file.a], [b, file.b]] as const).map(([side, has], index) => <td key={index}>{has ? <Link to={`/tasks/${side.id}/changes?attempt=${side.attempt!.number}&file=${encodeURIComponent(file.path)}`}>changed</Link> : "–"}</td>)}
                  <td className="mut">{file.same ? "as many lines" : ""}</td>
                </tr>
              ))}
              <tr><th scope="row">Result</th><td className="res">{visible(a.attempt.output ?? "–")}</td><td className="res">{visible(b.attempt.output ?? "–")}</td><td /></tr>
            </tbody>
          )}
        </table>
      </div>
    </section>
  );
}
