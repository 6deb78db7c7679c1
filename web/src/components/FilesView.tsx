import { Download } from "lucide-react";
import { Link } from "react-router";
import type { Attempt, Task, TaskFiles } from "@/api/types";
import { visible } from "@/lib/visible";
import { PlusMinus } from "@/components/PlusMinus";
import { EmptyState, Skeleton } from "@/components/States";
import { saveBundle } from "./bundle";

/** What an attempt read and what it changed, side by side. */
export function FilesView({ task, attempt, files }: { task: Task; attempt: Attempt | null; files: TaskFiles | undefined }) {
  if (!attempt) return <EmptyState title="No files yet">It has not been started.</EmptyState>;
  if (!files) return <Skeleton />;
  return (
    <div className="fv">
      <p className="fv-all">
        <button type="button" className="btn" onClick={() => void saveBundle(task.id, attempt.number)}><Download size={14} aria-hidden="true" />Download all of it</button>
        <span className="mut">One zip: prompt, words, tools, output, patch and the changed files. Keys are masked.</span>
      </p>
      <div className="two-col" style={{ gridTemplateColumns: "repeat(auto-fit, minmax(280px, 1fr))" }}>
        <section className="card pan" style={{ overflow: "hidden", alignSelf: "start" }}>
          <h2>Read <span className="mut num">{files.consumed.length}</span></h2>
          {files.consumed.length === 0 ? <p className="pr">None that its tools told of.</p> : files.consumed.map((file) => (
            <div className="f" key={file.path}><span className="path" title={file.path}>{visible(file.path)}</span><span className="mut num">{file.times > 1 ? `${file.times} times` : "once"}</span></div>
          ))}
        </section>
        <section className="card pan" style={{ overflow: "hidden", alignSelf: "start" }}>
          <h2>Changed <span className="mut num">{files.produced.length}</span></h2>
          {files.produced.length === 0 ? <p className="pr">None.</p> : files.produced.map((file) => (
            <Link className="f" key={file.path} to={`/tasks/${task.id}/changes?file=${encodeURIComponent(file.path)}`}>
              <span className="path" title={file.path}>{visible(file.path)}</span><span className="mut">{file.change}{file.outside ? ", outside" : ""}</span><PlusMinus plus={file.additions} minus={file.deletions} />
            </Link>
          ))}
        </section>
      </div>
    </div>
  );
}
