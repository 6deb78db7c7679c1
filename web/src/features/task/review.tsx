import { useQuery } from "@tanstack/react-query";
import { FilePen, FilePlus, FileX } from "lucide-react";
import { useEffect, useState } from "react";
import { Link, useParams, useSearchParams } from "react-router";
import { task as taskQuery, taskFiles } from "@/api/queries";
import type { ProducedFile } from "@/api/types";
import { visible } from "@/lib/visible";
import { PageHeading, usePageTitle } from "@/components/Page";
import { PlusMinus } from "@/components/PlusMinus";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { count, plural, shortPath } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { FileDiff } from "./FileDiff";
import { MergeWork } from "./merge";

const ICONS = { created: FilePlus, modified: FilePen, renamed: FilePen, deleted: FileX };

/** All changed files of an attempt, with their diffs. */
export function Component() {
  const { id = "" } = useParams();
  const [search, setSearch] = useSearchParams();
  const found = useQuery(taskQuery(id));
  const attempt = Number(search.get("attempt")) || found.data?.attempt?.number;
  const files = useQuery({ ...taskFiles(id, attempt), enabled: found.data !== undefined });
  const [viewed, setViewed] = useState<Set<string>>(new Set());
  const produced = files.data?.produced ?? [];
  const chosen = search.get("file") ?? produced[0]?.path ?? "";
  const mode = search.get("mode") ?? (window.innerWidth >= 1200 ? "split" : "unified");
  usePageTitle(`Changes of ${found.data?.title ?? "a task"}`);
  const set = (name: string, value: string) => setSearch((before) => { const after = new URLSearchParams(before); after.set(name, value); return after; }, { replace: true });
  useEffect(() => {
    if (chosen && search.get("file")) document.getElementById(`file-${chosen}`)?.scrollIntoView({ block: "start" });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only when another file is chosen, or they have come
  }, [chosen, produced.length]);
  const step = (by: number) => {
    const at = produced.findIndex((file) => file.path === chosen);
    const next = produced[Math.min(Math.max(at + by, 0), produced.length - 1)];
    if (next) set("file", next.path);
  };
  const toggle = (path: string) => setViewed((before) => { const after = new Set(before); if (!after.delete(path)) after.add(path); return after; });
  useKeys({ n: () => step(1), p: () => step(-1), u: () => set("mode", mode === "split" ? "unified" : "split"), v: () => chosen && toggle(chosen) });
  const error = found.error ?? files.error;
  if (error && !files.data) return <ErrorState page what="The changes could not be loaded" error={error} retry={() => { void found.refetch(); void files.refetch(); }} action={<Link className="btn" to={`/tasks/${id}`}>Back to the task</Link>} />;
  return (
    <>
      <div className="ph">
        <div>
          <PageHeading>{found.data?.title ?? "Changes"}</PageHeading>
          <p>{files.data ? <>{plural(produced.length, "file")} changed, <PlusMinus loose plus={files.data.totals.additions} minus={files.data.totals.deletions} /> lines{viewed.size > 0 ? `, ${count(viewed.size)} viewed` : ""}</> : "\u00a0"}</p>
        </div>
        <div className="r">
          <div className="seg">
            <button type="button" aria-pressed={mode === "split"} onClick={() => set("mode", "split")}>Side by side</button>
            <button type="button" aria-pressed={mode !== "split"} onClick={() => set("mode", "unified")}>Unified</button>
          </div>
          <Link className="btn" to={`/tasks/${id}`}>Back to the task</Link>
          {found.data && attempt !== undefined ? <MergeWork task={found.data} attempt={attempt} /> : null}
        </div>
      </div>
      {!files.data ? <Skeleton rows={12} /> : produced.length === 0 ? (
        <EmptyState title="No files changed" action={<Link className="btn" to={`/tasks/${id}`}>Back to the task</Link>}>Changed files are taken from git when an attempt ends; those of a script without a repository are not known.</EmptyState>
      ) : (
        <div className="rev" style={{ padding: "0 18px 18px" }}>
          <nav className="tree card" aria-label="Changed files">
            {produced.map((file) => <TreeRow key={file.path} file={file} current={file.path === chosen} viewed={viewed.has(file.path)} onPick={() => set("file", file.path)} />)}
          </nav>
          <div style={{ minWidth: 0 }}>
            {produced.map((file) => <FileDiff key={file.path} task={id} attempt={files.data!.attempt} file={file} split={mode === "split"} viewed={viewed.has(file.path)} onViewed={() => toggle(file.path)} />)}
          </div>
        </div>
      )}
    </>
  );
}

function TreeRow({ file, current, viewed, onPick }: { file: ProducedFile; current: boolean; viewed: boolean; onPick: () => void }) {
  const Icon = ICONS[file.change];
  return (
    <button type="button" className="f" aria-current={current} onClick={onPick} title={`${file.path} (${file.change})`}>
      <Icon size={13} aria-label={file.change} className="mut" />
      <span className="path" style={viewed ? { color: "var(--fg-3)" } : undefined}>{visible(shortPath(file.path, 24))}</span>
      {viewed ? <span className="mut">viewed</span> : <PlusMinus plus={file.additions} minus={file.deletions} />}
    </button>
  );
}
