import { Fragment, type ReactNode, useMemo, useRef } from "react";
import { cx } from "@/lib/cx";
import { type Hunk, type Line, parseDiff, sideBySide } from "@/lib/diff";
import { partsOf, type Run, useHighlight } from "@/lib/highlight";
import { visible } from "@/lib/visible";
import { useRange } from "./useRange";

const CLASS = { add: "a", del: "d", same: "" };
const SIGN = { add: "+", del: "−", same: "" };

type Runs = Map<Line, Run[]> | null;
export type Side = "new" | "old";

/** What people say of lines: shown below them, begun in the margin or with `c` on a line. */
export interface Notes {
  below: (side: Side, line: number) => ReactNode;
  onComment: (side: Side, first: number, last: number) => void;
}

/** The words of a line: what changed is marked, what is code is coloured. */
function Words({ line, runs }: { line: Line; runs: Runs }) {
  return partsOf(line, runs?.get(line)).map((part, index) => (
    part.marked ? <mark key={index}>{visible(part.text)}</mark> : part.kind ? <span key={index} className={`hl-${part.kind}`}>{visible(part.text)}</span> : <Fragment key={index}>{visible(part.text)}</Fragment>
  ));
}

interface DiffLinesProps {
  diff: string;
  /** Before and after side by side. */
  split?: boolean;
  /** Leaves out what differs in white space only. */
  quiet?: boolean;
  label?: string;
  path?: string;
  notes?: Notes;
  /** Long lines are broken; else the lines are moved sideways. */
  wrap?: boolean;
  /** The diff taken apart, with more around it; else it is taken apart here. */
  hunks?: Hunk[];
  /** What stands before a hunk and, with their number, behind the last one. */
  between?: (index: number) => ReactNode;
}

/** The lines of a unified diff. */
export function DiffLines({ diff, split = false, quiet = false, label, path, notes, wrap = true, hunks: given, between }: DiffLinesProps) {
  const hunks = useMemo(() => given ?? parseDiff(diff, quiet), [given, diff, quiet]);
  const runs = useHighlight(hunks, path);
  const table = useRef<HTMLTableElement>(null);
  const range = useRange(table, notes?.onComment);
  if (hunks.length === 0) return <p className="mut" style={{ padding: "8px 12px" }}>Nothing to show: no lines changed, or they are not text.</p>;
  const Body = split ? Split : Unified;
  const wide = split ? 6 : 4;
  const tail = between?.(hunks.length);
  const lines = (
    <table ref={table} className={cx("diff", notes && "noted", !wrap && "long")} aria-label={label ?? "Changed lines"} {...range}>
      <colgroup>
        {split ? <><col style={{ width: 46 }} /><col style={{ width: 18 }} /><col /><col style={{ width: 46 }} /><col style={{ width: 18 }} /><col /></> : <><col style={{ width: 46 }} /><col style={{ width: 46 }} /><col style={{ width: 18 }} /><col /></>}
      </colgroup>
      <tbody>
        {hunks.map((hunk, index) => (
          <Fragment key={index}>
            <tr className="hunk"><td colSpan={wide}>{between?.(index)}{hunk.header}</td></tr>
            <Body hunk={hunk} runs={runs} notes={notes} />
          </Fragment>
        ))}
        {tail ? <tr className="hunk tail"><td colSpan={wide}>{tail}</td></tr> : null}
      </tbody>
    </table>
  );
  return wrap ? lines : <div className="diff-x" tabIndex={0} role="group" aria-label={`${label ?? "Changed lines"}, unbroken`}>{lines}</div>;
}

interface BodyProps {
  hunk: Hunk;
  runs: Runs;
  notes: Notes | undefined;
}

function Unified({ hunk, runs, notes }: BodyProps) {
  return hunk.lines.map((line, index) => (
    <Fragment key={index}>
      <tr tabIndex={notes && -1} data-row={notes && ""}>
        <Number side="old" line={line} value={line.before} />
        <Number side="new" line={line} value={line.after} />
        <td className={cx("sg", CLASS[line.kind])}>{SIGN[line.kind]}</td>
        <td className={CLASS[line.kind]}><Words line={line} runs={runs} /></td>
      </tr>
      {notes ? <Below notes={notes} old={line.before} fresh={line.after} width={4} /> : null}
    </Fragment>
  ));
}

function Number({ side, line, value }: { side: Side; line: Line; value: number | null }) {
  return <td className={cx("no", CLASS[line.kind])} data-s={value === null ? undefined : side} data-n={value ?? undefined}>{value}</td>;
}

/** A row for what is said of a line, when something is. */
function Below({ notes, old, fresh, width }: { notes: Notes; old: number | null; fresh: number | null; width: number }) {
  const said = [old === null ? null : notes.below("old", old), fresh === null ? null : notes.below("new", fresh)];
  if (!said[0] && !said[1]) return null;
  return <tr className="cmt"><td colSpan={width}>{said[0]}{said[1]}</td></tr>;
}

function Half({ line, side, runs }: { line: Line | null; side: "before" | "after"; runs: Runs }) {
  if (line === null) return <><td className="no e" /><td className="sg e" /><td className="e" /></>;
  const kind = CLASS[line.kind];
  return (
    <>
      <Number side={side === "before" ? "old" : "new"} line={line} value={line[side]} />
      <td className={cx("sg", kind)}>{SIGN[line.kind]}</td>
      <td className={kind}><Words line={line} runs={runs} /></td>
    </>
  );
}

function Split({ hunk, runs, notes }: BodyProps) {
  return sideBySide(hunk.lines).map((pair, index) => (
    <Fragment key={index}>
      <tr tabIndex={notes && -1} data-row={notes && ""}>
        <Half line={pair.left} side="before" runs={runs} />
        <Half line={pair.right} side="after" runs={runs} />
      </tr>
      {notes ? <Below notes={notes} old={pair.left?.before ?? null} fresh={pair.right?.after ?? null} width={6} /> : null}
    </Fragment>
  ));
}
