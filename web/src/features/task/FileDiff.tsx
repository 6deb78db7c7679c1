import { useQuery } from "@tanstack/react-query";
import { type Dispatch, type SetStateAction, useEffect, useMemo, useRef, useState } from "react";
import { fileDiff } from "@/api/queries";
import type { ProducedFile, ReviewComment } from "@/api/types";
import { DiffLines, type Notes, type Side } from "@/components/diff/DiffLines";
import { visible } from "@/lib/visible";
import { PlusMinus } from "@/components/PlusMinus";
import { Skeleton } from "@/components/States";
import { count, plural } from "@/lib/format";
import { CommentView, Composer } from "./reviewing/Comments";
import { newDiff, type ReviewActs, type Spot } from "./reviewing/data";
import type { Ask } from "./reviewing/useAsk";
import { useMore } from "./reviewing/useMore";

const FOLDED = 400;
const LOADED = 3_000;
const GENERATED = /(^|\/)(package-lock\.json|uv\.lock|yarn\.lock|Cargo\.lock|pnpm-lock\.yaml|poetry\.lock)$|\.min\.(js|css)$/;

interface FileDiffProps {
  task: string;
  attempt: number;
  /** Only what is new since this commit. */
  since: { since: string; commit: string } | null;
  file: ProducedFile;
  split: boolean;
  quiet: boolean;
  wrap: boolean;
  viewed: boolean;
  comments: ReviewComment[];
  composing: Spot | null;
  /** The commit that a side's lines are counted in. */
  commitOf: (side: Side) => string | null;
  acts: ReviewActs;
  ask: Ask;
  onViewed: () => void;
  onCompose: Dispatch<SetStateAction<Spot | null>>;
}

/** The reason why a file starts folded, or null. */
function whyFolded(file: ProducedFile): string | null {
  if (file.binary) return "It is binary.";
  if (!file.has_diff) return "Its content was not kept.";
  if (GENERATED.test(file.path)) return "It is written by a program.";
  const lines = (file.additions ?? 0) + (file.deletions ?? 0);
  return lines > FOLDED ? `${count(lines)} lines changed.` : null;
}

export function FileDiff(props: FileDiffProps) {
  const { task, attempt, since, file, viewed, comments, onViewed } = props;
  const box = useRef<HTMLElement>(null);
  const [near, setNear] = useState(false);
  const why = whyFolded(file);
  const lines = (file.additions ?? 0) + (file.deletions ?? 0);
  const [opened, setOpened] = useState<boolean | null>(null);
  const open = opened ?? why === null;
  const height = viewed ? 40 : open ? 64 + (lines + 8) * 19 : 80;
  useEffect(() => {
    const watcher = new IntersectionObserver(([entry]) => entry?.isIntersecting && setNear(true), { rootMargin: "800px" });
    if (box.current) watcher.observe(box.current);
    return () => watcher.disconnect();
  }, []);
  const wanted = near && open && file.has_diff && !viewed;
  const asked = since === null ? fileDiff(task, file.path, attempt) : newDiff(task, file.path, since.since, since.commit);
  const { data, error, refetch } = useQuery<string>({ queryKey: asked.queryKey, queryFn: asked.queryFn as () => Promise<string>, staleTime: 60_000, enabled: wanted });
  return (
    <section ref={box} className="card pan dfile" style={{ containIntrinsicSize: `auto ${height}px` }} id={`file-${file.path}`} data-file={file.path} aria-label={file.path}>
      <h2>
        <span className="cut" title={file.path}>{visible(file.old_path && file.change === "renamed" ? `${file.old_path} → ${file.path}` : file.path)}</span>
        <PlusMinus plus={file.additions} minus={file.deletions} />
        {comments.length > 0 ? <span className="chip">{plural(comments.length, "comment")}</span> : null}
        {file.outside ? <span className="chip failed">not its own</span> : null}
        <span className="r"><label style={{ display: "flex", gap: 6, alignItems: "center", fontFamily: "var(--font-ui)" }}><input type="checkbox" checked={viewed} onChange={onViewed} />Viewed</label></span>
      </h2>
      {viewed ? null : !open ? (
        <p className="pr" style={{ paddingTop: 10 }}>{why} {file.has_diff && !file.binary ? <button type="button" className="btn s" onClick={() => setOpened(true)}>{lines > LOADED ? `Load ${count(lines)} lines` : "Show it"}</button> : null}</p>
      ) : error && data === undefined ? (
        <p className="pr" role="alert" style={{ paddingTop: 10 }}>It could not be loaded. <button type="button" className="btn s" onClick={() => void refetch()}>Try again</button></p>
      ) : data === undefined ? near ? <Skeleton rows={4} height={19} /> : null : <Talked {...props} diff={data} />}
    </section>
  );
}

const keyOf = (side: Side, line: number) => `${side} ${line}`;

/** The lines with what is said of them; what is said of lines that are not shown stands below. */
function Talked({ diff, task, attempt, file, since, split, quiet, wrap, comments, composing, commitOf, acts, ask, onCompose }: FileDiffProps & { diff: string }) {
  const { hunks, between } = useMore(task, attempt, file, diff, quiet);
  const lines = useMemo(() => {
    const found = new Map<string, string>();
    for (const line of hunks.flatMap((hunk) => hunk.lines)) {
      const text = line.pieces.map((piece) => piece.text).join("");
      if (line.before !== null) found.set(keyOf("old", line.before), text);
      if (line.after !== null) found.set(keyOf("new", line.after), text);
    }
    return found;
  }, [hunks]);
  const at = new Map<string, ReviewComment[]>();
  const elsewhere: ReviewComment[] = [];
  for (const comment of comments) {
    // What is new since a commit counts the lines before in that commit.
    const place = since === null || comment.side === "new" ? comment.now : comment.commit === since.since ? comment : null;
    const key = place ? keyOf(comment.side, place.end_line) : "";
    if (lines.has(key)) at.set(key, [...(at.get(key) ?? []), comment]);
    else elsewhere.push(comment);
  }
  const text = (spot: Spot) => Array.from({ length: spot.last - spot.first + 1 }, (_, index) => lines.get(keyOf(spot.side, spot.first + index)) ?? "").join("\n");
  const notes: Notes = {
    onComment: (side, first, last) => onCompose({ path: file.path, side, first, last }),
    below: (side, line) => {
      const said = at.get(keyOf(side, line)) ?? [];
      const here = composing && composing.side === side && composing.last === line ? composing : null;
      if (said.length === 0 && !here) return null;
      const done = { onSuccess: () => onCompose((now) => (now === here ? null : now)) };
      const about = here && { spot: { ...here, path: here.side === "old" ? file.old_path ?? file.path : file.path }, commit: commitOf(here.side) };
      return (
        <>
          {said.map((comment) => <CommentView key={comment.id} comment={comment} acts={acts} />)}
          {about ? (
            <Composer
              key={`${about.spot.first} ${about.spot.last}`} spot={about.spot} lines={text(about.spot)} busy={acts.add.isPending} onCancel={() => onCompose(null)} onSave={(words) => acts.add.mutate({ ...about, text: words }, done)}
              ask={{ send: (words) => ask.mutate({ ...about, lines: text(about.spot), text: words }, done), busy: ask.isPending, why: ask.why }}
            />
          ) : null}
        </>
      );
    },
  };
  return (
    <>
      <DiffLines diff={diff} split={split} quiet={quiet} label={`Changes of ${file.path}`} path={file.path} notes={notes} wrap={wrap} hunks={hunks} between={between} />
      {elsewhere.map((comment) => <CommentView key={comment.id} comment={comment} acts={acts} outdated={comment.now === null} place />)}
    </>
  );
}
