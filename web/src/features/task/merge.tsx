import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { GitMerge } from "lucide-react";
import { useId, useState } from "react";
import { answer, api } from "@/api/client";
import { taskGit } from "@/api/queries";
import type { Task, TaskGit } from "@/api/types";
import { BY } from "@/components/decision/send";
import { Dialog } from "@/components/Dialog";
import { TimeAgo } from "@/components/TimeAgo";
import { say, sayFailed } from "@/components/toasts";
import { plural } from "@/lib/format";
import { useOnline } from "@/live/live";

/** The work of an attempt in git, and the button that merges it. */
export function Branch({ task, attempt }: { task: Task; attempt: number | undefined }) {
  const { data } = useQuery({ ...taskGit(task.id, attempt), enabled: attempt !== undefined });
  if (!data?.branch) return null;
  return (
    <section className="rs">
      <h2>Branch<span>{standing(data)}</span></h2>
      <p className="mono cut" style={{ fontSize: 12 }} title={data.branch}>{data.branch}</p>
      {data.problem ? <p className="mut" style={{ fontSize: 11.5 }}>{data.problem}</p> : null}
      {data.pull_request ? <p><a href={data.pull_request} rel="noopener noreferrer nofollow" target="_blank">Pull request</a></p> : null}
      <div style={{ marginTop: 8 }}><MergeButton task={task} git={data} /></div>
    </section>
  );
}

/** For the heading of the review. */
export function MergeWork({ task, attempt }: { task: Task; attempt: number }) {
  const { data } = useQuery(taskGit(task.id, attempt));
  return data ? <MergeButton task={task} git={data} primary /> : null;
}

function standing(git: TaskGit): string {
  if (git.into === null || git.ahead === null) return "";
  if (git.merged) return `merged into ${git.into}`;
  return `${plural(git.ahead, "commit")}${git.behind ? `, ${git.behind} behind ${git.into}` : ""}`;
}

/** What stands where the button was. */
function Merged({ git }: { git: TaskGit }) {
  const done = git.last_merge?.commit === git.commit ? git.last_merge : null;
  return (
    <p className="merged">
      <GitMerge size={14} aria-hidden="true" />
      <span>Merged into {git.into}{done ? <>{done.by ? ` by ${done.by}` : ""}, <TimeAgo at={done.at} />, <span className="mono" title={done.merge_commit}>{done.merge_commit.slice(0, 8)}</span></> : null}</span>
    </p>
  );
}

function MergeButton({ task, git, primary }: { task: Task; git: TaskGit; primary?: boolean }) {
  const [asking, setAsking] = useState(false);
  const online = useOnline();
  if (git.merged) return <Merged git={git} />;
  if (task.state !== "succeeded" || !["none", "unseen", "approved"].includes(task.review) || !git.commit || !git.into || git.problem || git.merged !== false) return null;
  return (
    <>
      <button type="button" className={primary ? "btn p" : "btn"} disabled={!online} onClick={() => setAsking(true)}><GitMerge size={14} />Merge into {git.into}</button>
      {asking ? <Ask task={task} git={git} onClose={() => setAsking(false)} /> : null}
    </>
  );
}

function Ask({ task, git, onClose }: { task: Task; git: TaskGit; onClose: () => void }) {
  const queries = useQueryClient();
  const [way, setWay] = useState<"merge" | "squash">("merge");
  const name = useId();
  const merge = useMutation({
    mutationFn: () => answer(api.POST("/api/v1/tasks/{task_id}/merge", { params: { path: { task_id: task.id } }, body: { commit: git.commit ?? "", attempt: git.attempt, way, by: BY } })),
    onSuccess: (done) => say(done.already ? `${done.into} has all of it already` : `Merged into ${done.into}, now at ${done.merge_commit.slice(0, 8)}`),
    onError: (error) => sayFailed("Not merged", error),
    onSettled: () => { onClose(); void queries.invalidateQueries({ queryKey: ["task", task.id] }); },
  });
  return (
    <Dialog title={`Merge into ${git.into}?`} onClose={onClose}>
      <p>
        Commit <span className="mono">{git.commit?.slice(0, 8)}</span> of {git.branch} goes into {git.into}{git.behind ? `, which has ${plural(git.behind, "newer commit")}` : ""}. Files changed on both sides stop it, and nothing changes then.
      </p>
      <fieldset className="opts">
        <legend className="mut">As</legend>
        <label><input type="radio" name={name} checked={way === "merge"} onChange={() => setWay("merge")} /> a merge with its history</label>
        <label><input type="radio" name={name} checked={way === "squash"} onChange={() => setWay("squash")} /> one commit</label>
      </fieldset>
      <div className="b">
        <button type="button" className="btn" onClick={onClose}>Not now</button>
        <button type="button" className="btn p" disabled={merge.isPending} onClick={() => merge.mutate()}>Merge into {git.into}</button>
      </div>
    </Dialog>
  );
}
