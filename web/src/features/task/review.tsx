import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, useParams, useSearchParams } from "react-router";
import { task as taskQuery, taskFiles } from "@/api/queries";
import type { ReviewComment, TaskReview } from "@/api/types";
import { Onlookers } from "@/components/Onlookers";
import { PageHeading, usePageTitle } from "@/components/Page";
import { PlusMinus } from "@/components/PlusMinus";
import { ErrorState, Skeleton } from "@/components/States";
import { plural } from "@/lib/format";
import { useKept } from "@/lib/kept";
import { useKeys } from "@/lib/keys";
import { visible } from "@/lib/visible";
import { useLooking } from "@/live/looking";
import { FileDiff } from "./FileDiff";
import { MergeWork } from "./merge";
import { NoFiles } from "./NoFiles";
import { CommentView } from "./reviewing/Comments";
import { fileOf, newChanges, review as reviewQuery, type Spot, useReviewActs } from "./reviewing/data";
import { Footer } from "./reviewing/Footer";
import { stepHunk } from "./reviewing/steps";
import { Tree } from "./reviewing/Tree";
import { useAsk } from "./reviewing/useAsk";
import { useViewed } from "./reviewing/useViewed";

const LAST = "last-review";
const yes = (value: unknown) => (typeof value === "boolean" ? value : null);
interface Seen {
  attempt: number;
  commit: string | null;
}

/** The work that is looked at first: what the address says, what was reviewed while it is done anew, else the last. */
function begin(review: TaskReview, finished: boolean, wanted: number): Seen {
  const attempt = wanted || (finished ? review.attempt : review.last?.attempt ?? review.attempt);
  const commit = attempt === review.attempt ? review.commit : review.last?.attempt === attempt ? review.last.commit : null;
  return { attempt, commit };
}

/** All changed files of an attempt with their diffs, what is said of them, and the decision. */
export function Component() {
  const { id = "" } = useParams();
  const [search, setSearch] = useSearchParams();
  const found = useQuery(taskQuery(id));
  const stands = useQuery(reviewQuery(id));
  const acts = useReviewActs(id);
  const [pinned, setPinned] = useState<Seen | null>(null);
  const [composing, setComposing] = useState<Spot | null>(null);
  const finished = found.data?.finished_at != null;
  // What is looked at stays, whatever the agent does meanwhile.
  if (!pinned && found.data && stands.data) setPinned(begin(stands.data, finished, Number(search.get("attempt"))));
  const attempt = pinned?.attempt || undefined;
  const since = search.get("since");
  const all = useQuery({ ...taskFiles(id, attempt), enabled: pinned !== null && since === null });
  const fresh = useQuery({ ...newChanges(id, since ?? LAST), enabled: pinned !== null && since !== null });
  const files = since === null ? all : fresh;
  const [viewed, toggle] = useViewed(`${id} ${attempt ?? 0}`);
  const produced = files.data?.produced ?? [];
  const chosen = search.get("file") ?? produced[0]?.path ?? "";
  const mode = search.get("mode") ?? (window.innerWidth >= 1200 ? "split" : "unified");
  const quiet = search.get("space") === "hidden";
  // The address comes first, so that a link shows what was seen; what was chosen last is kept with the other settings.
  const [usual, keepWrap] = useKept("wrap", true, yes);
  const wrap = (search.get("wrap") ?? (usual ? "on" : "off")) === "on" || window.innerWidth < 768;
  const ask = useAsk(found.data);
  useLooking([id]);
  usePageTitle(`Changes of ${found.data?.title ?? "a task"}`);
  const set = (changes: Record<string, string | null>) => setSearch((before) => {
    const after = new URLSearchParams(before);
    for (const [name, value] of Object.entries(changes)) if (value === null) after.delete(name); else after.set(name, value);
    return after;
  }, { replace: true });
  const setMode = (wanted: string) => set({ mode: wanted });
  useEffect(() => {
    if (chosen && search.get("file")) document.getElementById(`file-${chosen}`)?.scrollIntoView({ block: "start" });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only when another file is chosen, or they have come
  }, [chosen, produced.length]);
  const step = (by: 1 | -1) => {
    const at = produced.findIndex((file) => file.path === chosen);
    const next = produced[Math.min(Math.max(at + by, 0), produced.length - 1)];
    if (next) set({ file: next.path });
  };
  const inFocus = () => document.activeElement?.closest<HTMLElement>("[data-file]")?.dataset.file ?? chosen;
  const hunk = (by: 1 | -1) => { if (!stepHunk(by)) step(by); };
  useKeys({ n: () => hunk(1), p: () => hunk(-1), u: () => setMode(mode === "split" ? "unified" : "split"), v: () => chosen && toggle(inFocus()) });
  useKeys({ "]": () => step(1), "[": () => step(-1) }, true);
  const error = found.error ?? stands.error ?? files.error;
  if (error && !files.data) return <ErrorState page what="The changes could not be loaded" error={error} retry={() => { void found.refetch(); void stands.refetch(); void files.refetch(); }} action={<Link className="btn" to={`/tasks/${id}`}>Back to the task</Link>} />;
  const review = stands.data;
  const said = new Map<string, ReviewComment[]>();
  for (const comment of review?.comments ?? []) said.set(fileOf(comment), [...(said.get(fileOf(comment)) ?? []), comment]);
  const known = new Set(produced.map((file) => file.path));
  const lost = [...said].filter(([path]) => !known.has(path)).flatMap(([, comments]) => comments);
  const current = pinned !== null && review !== undefined && pinned.attempt === review.attempt && pinned.commit === review.commit;
  const show = (from: string | null) => { if (review) setPinned({ attempt: review.attempt, commit: review.commit }); set({ since: from, attempt: null, file: null }); };
  return (
    <>
      <div className="ph">
        <div>
          <PageHeading>{found.data?.title ?? "Changes"}</PageHeading>
          <p>{files.data ? <>{plural(produced.length, "file")} changed{fresh.data && since ? ` since ${fresh.data.since.slice(0, 8)}` : ""}, <PlusMinus loose plus={files.data.totals.additions} minus={files.data.totals.deletions} /> lines{viewed.size > 0 ? `, ${viewed.size} viewed` : ""}{review && (review.last || review.required) ? <>. {visible(review.words)}</> : null}</> : "\u00a0"}</p>
        </div>
        <div className="r">
          <Onlookers item={id} />
          <button type="button" className="btn" aria-pressed={quiet} onClick={() => set({ space: quiet ? null : "hidden" })}>{quiet ? "Show white space" : "Hide white space"}</button>
          <button type="button" className="btn tog only-wide" aria-pressed={wrap} onClick={() => { keepWrap(wrap ? false : null); set({ wrap: wrap ? "off" : "on" }); }}>Wrap lines</button>
          <div className="seg">
            <button type="button" aria-pressed={mode === "split"} onClick={() => setMode("split")}>Side by side</button>
            <button type="button" aria-pressed={mode !== "split"} onClick={() => setMode("unified")}>Unified</button>
          </div>
          <Link className="btn" to={`/tasks/${id}`}>Back to the task</Link>
          {found.data && attempt !== undefined ? <MergeWork task={found.data} attempt={attempt} /> : null}
        </div>
      </div>
      {review && finished && !current && since === null && pinned?.commit ? <Bar text="There are new commits since you started." since={pinned.commit} onShow={show} />
        : review?.void && since === null && finished ? <Bar text={`${visible(review.words)}.`} since={LAST} onShow={show} />
        : since !== null ? <p className="rv-bar" role="status">Only what is new since {since === LAST ? "the last review" : since.slice(0, 8)} is shown. <button type="button" className="btn s" onClick={() => show(null)}>Show all of it</button></p>
        : !finished && review?.state === "changes_requested" ? <p className="rv-bar" role="status">Changes were requested; its agent has them. This is the work as it was reviewed.</p> : null}
      {!files.data || !review ? <Skeleton rows={12} /> : produced.length === 0 ? (
        <NoFiles task={found.data} tracked={all.data?.tracked ?? true} />
      ) : (
        <div className="rev" style={{ padding: "0 18px 18px" }}>
          <Tree files={produced} chosen={chosen} viewed={viewed} said={(path) => said.get(path)?.length ?? 0} onPick={(path) => set({ file: path })} />
          <div style={{ minWidth: 0 }}>
            {produced.map((file) => (
              <FileDiff
                key={file.path} task={id} attempt={attempt ?? review.attempt} since={since === null || !fresh.data ? null : fresh.data} file={file} split={mode === "split"} quiet={quiet} wrap={wrap} viewed={viewed.has(file.path)}
                comments={said.get(file.path) ?? []} composing={composing?.path === file.path ? composing : null} acts={acts} ask={ask} onViewed={() => toggle(file.path)} onCompose={setComposing}
                commitOf={(side) => (side === "new" ? pinned?.commit ?? review.commit : since === null ? review.base_commit : fresh.data?.since ?? null)}
              />
            ))}
            {lost.length > 0 ? (
              <section className="card pan" aria-label="Comments on other files">
                <h2>On files that are not among these</h2>
                {lost.map((comment) => <div key={comment.id}><p className="cm-path mono">{visible(fileOf(comment))}</p><CommentView comment={comment} acts={acts} outdated={comment.now === null} place /></div>)}
              </section>
            ) : null}
          </div>
        </div>
      )}
      {review && pinned && files.data ? <Footer review={review} acts={acts} seen={pinned} unviewed={produced.filter((file) => !viewed.has(file.path)).length} open={current && found.data?.state === "succeeded"} /> : null}
    </>
  );
}

function Bar({ text, since, onShow }: { text: string; since: string; onShow: (since: string | null) => void }) {
  return (
    <p className="rv-bar" role="status">
      {text} <button type="button" className="btn s" onClick={() => onShow(since)}>Show only new changes</button> <button type="button" className="btn s g" onClick={() => onShow(null)}>Show all of it</button>
    </p>
  );
}
