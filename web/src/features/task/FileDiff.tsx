import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { fileDiff } from "@/api/queries";
import type { ProducedFile } from "@/api/types";
import { DiffLines } from "@/components/diff/DiffLines";
import { visible } from "@/lib/visible";
import { PlusMinus } from "@/components/PlusMinus";
import { Skeleton } from "@/components/States";
import { count } from "@/lib/format";

const FOLDED = 400;
const LOADED = 3_000;
const GENERATED = /(^|\/)(package-lock\.json|uv\.lock|yarn\.lock|Cargo\.lock|pnpm-lock\.yaml|poetry\.lock)$|\.min\.(js|css)$/;

interface FileDiffProps {
  task: string;
  attempt: number;
  file: ProducedFile;
  split: boolean;
  viewed: boolean;
  onViewed: () => void;
}

/** The reason why a file starts folded, or null. */
function whyFolded(file: ProducedFile): string | null {
  if (file.binary) return "It is binary.";
  if (!file.has_diff) return "Its content was not kept.";
  if (GENERATED.test(file.path)) return "It is written by a program.";
  const lines = (file.additions ?? 0) + (file.deletions ?? 0);
  return lines > FOLDED ? `${count(lines)} lines changed.` : null;
}

export function FileDiff({ task, attempt, file, split, viewed, onViewed }: FileDiffProps) {
  const box = useRef<HTMLElement>(null);
  const [near, setNear] = useState(false);
  const why = whyFolded(file);
  const lines = (file.additions ?? 0) + (file.deletions ?? 0);
  const [open, setOpen] = useState(why === null);
  useEffect(() => {
    const watcher = new IntersectionObserver(([entry]) => entry?.isIntersecting && setNear(true), { rootMargin: "800px" });
    if (box.current) watcher.observe(box.current);
    return () => watcher.disconnect();
  }, []);
  const wanted = near && open && file.has_diff && !viewed;
  const { data, error, refetch } = useQuery({ ...fileDiff(task, file.path, attempt), enabled: wanted });
  return (
    <section ref={box} className="card pan dfile" id={`file-${file.path}`} aria-label={file.path}>
      <h2>
        <span className="cut" title={file.path}>{visible(file.old_path && file.change === "renamed" ? `${file.old_path} → ${file.path}` : file.path)}</span>
        <PlusMinus plus={file.additions} minus={file.deletions} />
        {file.outside ? <span className="chip failed">not its own</span> : null}
        <span className="r"><label style={{ display: "flex", gap: 6, alignItems: "center", fontFamily: "var(--font-ui)" }}><input type="checkbox" checked={viewed} onChange={onViewed} />Viewed</label></span>
      </h2>
      {viewed ? null : !open ? (
        <p className="pr" style={{ paddingTop: 10 }}>{why} {file.has_diff && !file.binary ? <button type="button" className="btn s" onClick={() => setOpen(true)}>{lines > LOADED ? `Load ${count(lines)} lines` : "Show it"}</button> : null}</p>
      ) : error && data === undefined ? (
        <p className="pr" role="alert" style={{ paddingTop: 10 }}>It could not be loaded. <button type="button" className="btn s" onClick={() => void refetch()}>Try again</button></p>
      ) : data === undefined ? <Skeleton rows={4} height={19} /> : <DiffLines diff={data} split={split} label={`Changes of ${file.path}`} path={file.path} />}
    </section>
  );
}
