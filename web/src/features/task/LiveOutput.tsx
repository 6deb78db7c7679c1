import { Download } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { Link } from "react-router";
import type { Attempt, Task } from "@/api/types";
import { Skeleton } from "@/components/States";

const Feed = lazy(() => import("@/components/conversation/Feed"));
const Printed = lazy(() => import("./Printed"));

/** What the attempt prints; where it is an agent's, what that says and does. */
export function LiveOutput({ task, attempt }: { task: Task; attempt: Attempt | null }) {
  const [follow, setFollow] = useState(true);
  const agent = attempt?.run !== null && attempt?.run !== undefined;
  return (
    <section className="card pan" style={{ minWidth: 0 }}>
      <h2>{attempt?.state === "running" ? "Live output" : "Output"}
        <span className="mut">{agent ? attempt.run!.agent : ""}</span>
        <span className="r">
          <Link className="btn s" to={agent ? `/tasks/${task.id}/conversation` : `/tasks/${task.id}/output`}>{agent ? "Conversation" : "All output"}</Link>
          {attempt?.state === "running" && !agent ? <button type="button" className="btn s" aria-pressed={follow} onClick={() => setFollow(!follow)}><Download size={12} />{follow ? "Following" : "Follow"}</button> : null}
        </span>
      </h2>
      {agent ? <Suspense fallback={<Skeleton rows={5} height={24} />}><Feed task={task.id} attempt={attempt} /></Suspense> : <Suspense fallback={<Skeleton rows={5} height={19} />}><Printed task={task} attempt={attempt} follow={follow} onFollow={setFollow} /></Suspense>}
    </section>
  );
}
