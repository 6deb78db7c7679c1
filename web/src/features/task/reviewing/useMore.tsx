import { useQuery } from "@tanstack/react-query";
import { ChevronDown, ChevronUp } from "lucide-react";
import { type ReactNode, useMemo, useState } from "react";
import { answer, api } from "@/api/client";
import type { ProducedFile } from "@/api/types";
import { clipped, fits, gapsOf, grown, linesOf, type Shown, STEP } from "@/components/diff/more";
import { type Hunk, parseDiff } from "@/lib/diff";
import { count, plural } from "@/lib/format";

const NOTHING: ReadonlyMap<number, Shown> = new Map();
const ALL = Number.MAX_SAFE_INTEGER / 4;

/** The hunks of a file with as much around them as was asked for; the file itself comes from the server with the first wish. */
export function useMore(task: string, attempt: number, file: ProducedFile, diff: string, quiet: boolean): { hunks: Hunk[]; between: (index: number) => ReactNode } {
  const [wished, setWished] = useState({ diff, shown: NOTHING });
  const shown = wished.diff === diff ? wished.shown : NOTHING;
  const hunks = useMemo(() => parseDiff(diff, quiet), [diff, quiet]);
  const whole = file.change === "created" || file.change === "deleted" || file.binary;
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ["diff", task, file.path, attempt, "after"],
    queryFn: () => answer(api.GET("/api/v1/tasks/{task_id}/files/content", { params: { path: { task_id: task }, query: { path: file.path, side: "after", attempt } }, parseAs: "text" })) as Promise<string>,
    staleTime: Infinity, retry: false, enabled: shown.size > 0,
  });
  const lines = useMemo(() => (data === undefined ? null : linesOf(data)), [data]);
  const fit = useMemo(() => lines !== null && fits(hunks, lines), [hunks, lines]);
  const more = useMemo(() => (lines && fit ? grown(hunks, lines, shown) : hunks), [hunks, lines, fit, shown]);
  const gaps = useMemo(() => gapsOf(hunks, lines?.length ?? null), [hunks, lines]);
  const between = (index: number): ReactNode => {
    const gap = gaps[index];
    if (whole || !gap || gap.size === 0) return null;
    const has = shown.get(index) ?? { top: 0, bottom: 0 };
    if (error && shown.has(index)) return <span className="dm">More of it could not be loaded. <button type="button" className="btn s" onClick={() => void refetch()}>Try again</button></span>;
    if (isFetching && shown.has(index)) return <span className="dm">Loading</span>;
    if (lines && !fit) return shown.has(index) ? <span className="dm">The file is another one by now; no more of it can be shown.</span> : null;
    const { top, bottom } = lines ? clipped(gap, has) : { top: 0, bottom: 0 };
    const left = gap.size === null ? null : gap.size - top - bottom;
    if (left === 0) return null;
    const show = (part: Partial<Shown>) => setWished({ diff, shown: new Map([...shown, [index, { ...has, ...part }]]) });
    const [first, last] = [index === 0, index === hunks.length];
    return (
      <span className="dm">
        {left !== null && left <= STEP ? <button type="button" onClick={() => show(last ? { top: ALL } : { bottom: ALL })}>Show {plural(left, "line")}</button> : (
          <>
            {first ? null : <button type="button" aria-label={`Show ${STEP} lines more below line ${gap.first + top - 1}`} onClick={() => show({ top: top + STEP })}><ChevronDown size={12} aria-hidden="true" />{STEP} lines</button>}
            {last ? null : <button type="button" aria-label={`Show ${STEP} lines more above line ${gap.first + (gap.size ?? 0) - bottom}`} onClick={() => show({ bottom: bottom + STEP })}><ChevronUp size={12} aria-hidden="true" />{STEP} lines</button>}
            <button type="button" onClick={() => show(last ? { top: ALL } : { bottom: ALL })}>{left === null ? "All that follow" : `All ${count(left)}`}</button>
          </>
        )}
      </span>
    );
  };
  return { hunks: more, between };
}
