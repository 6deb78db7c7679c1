import { Fragment, useMemo } from "react";
import { cx } from "@/lib/cx";
import { type Hunk, type Line, parseDiff, sideBySide } from "@/lib/diff";
import { partsOf, type Run, useHighlight } from "@/lib/highlight";
import { visible } from "@/lib/visible";

const CLASS = { add: "a", del: "d", same: "" };
const SIGN = { add: "+", del: "−", same: "" };

type Runs = Map<Line, Run[]> | null;

/** The words of a line: what changed is marked, what is code is coloured. */
function Words({ line, runs }: { line: Line; runs: Runs }) {
  return partsOf(line, runs?.get(line)).map((part, index) => (
    part.marked ? <mark key={index}>{visible(part.text)}</mark> : part.kind ? <span key={index} className={`hl-${part.kind}`}>{visible(part.text)}</span> : <Fragment key={index}>{visible(part.text)}</Fragment>
  ));
}

/** The lines of a unified diff; `split` puts before and after side by side. */
export function DiffLines({ diff, split = false, label, path }: { diff: string; split?: boolean; label?: string; path?: string }) {
  const hunks = useMemo(() => parseDiff(diff), [diff]);
  const runs = useHighlight(hunks, path);
  if (hunks.length === 0) return <p className="mut" style={{ padding: "8px 12px" }}>Nothing to show: no lines changed, or they are not text.</p>;
  return (
    <table className="diff" aria-label={label ?? "Changed lines"}>
      <colgroup>
        {split ? <><col style={{ width: 46 }} /><col style={{ width: 18 }} /><col /><col style={{ width: 46 }} /><col style={{ width: 18 }} /><col /></> : <><col style={{ width: 46 }} /><col style={{ width: 46 }} /><col style={{ width: 18 }} /><col /></>}
      </colgroup>
      <tbody>
        {hunks.map((hunk, index) => (
          <Fragment key={index}>
            <tr className="hunk"><td colSpan={split ? 6 : 4}>{hunk.header}</td></tr>
            {split ? <Split hunk={hunk} runs={runs} /> : <Unified hunk={hunk} runs={runs} />}
          </Fragment>
        ))}
      </tbody>
    </table>
  );
}

function Unified({ hunk, runs }: { hunk: Hunk; runs: Runs }) {
  return hunk.lines.map((line, index) => (
    <tr key={index}>
      <td className={cx("no", CLASS[line.kind])}>{line.before}</td>
      <td className={cx("no", CLASS[line.kind])}>{line.after}</td>
      <td className={cx("sg", CLASS[line.kind])}>{SIGN[line.kind]}</td>
      <td className={CLASS[line.kind]}><Words line={line} runs={runs} /></td>
    </tr>
  ));
}

function Half({ line, side, runs }: { line: Line | null; side: "before" | "after"; runs: Runs }) {
  if (line === null) return <><td className="no e" /><td className="sg e" /><td className="e" /></>;
  const kind = CLASS[line.kind];
  return (
    <>
      <td className={cx("no", kind)}>{line[side]}</td>
      <td className={cx("sg", kind)}>{SIGN[line.kind]}</td>
      <td className={kind}><Words line={line} runs={runs} /></td>
    </>
  );
}

function Split({ hunk, runs }: { hunk: Hunk; runs: Runs }) {
  return sideBySide(hunk.lines).map((pair, index) => (
    <tr key={index}>
      <Half line={pair.left} side="before" runs={runs} />
      <Half line={pair.right} side="after" runs={runs} />
    </tr>
  ));
}
