import { Fragment, useMemo } from "react";
import { cx } from "@/lib/cx";
import { type Hunk, type Line, parseDiff, type Piece, sideBySide } from "@/lib/diff";
import { visible } from "@/lib/visible";

const CLASS = { add: "a", del: "d", same: "" };
const SIGN = { add: "+", del: "−", same: "" };

function Words({ pieces }: { pieces: Piece[] }) {
  return pieces.map((piece, index) => (piece.marked ? <mark key={index}>{visible(piece.text)}</mark> : <Fragment key={index}>{visible(piece.text)}</Fragment>));
}

/** The lines of a unified diff; `split` puts before and after side by side. */
export function DiffLines({ diff, split = false, label }: { diff: string; split?: boolean; label?: string }) {
  const hunks = useMemo(() => parseDiff(diff), [diff]);
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
            {split ? <Split hunk={hunk} /> : <Unified hunk={hunk} />}
          </Fragment>
        ))}
      </tbody>
    </table>
  );
}

function Unified({ hunk }: { hunk: Hunk }) {
  return hunk.lines.map((line, index) => (
    <tr key={index}>
      <td className={cx("no", CLASS[line.kind])}>{line.before}</td>
      <td className={cx("no", CLASS[line.kind])}>{line.after}</td>
      <td className={cx("sg", CLASS[line.kind])}>{SIGN[line.kind]}</td>
      <td className={CLASS[line.kind]}><Words pieces={line.pieces} /></td>
    </tr>
  ));
}

function Half({ line, side }: { line: Line | null; side: "before" | "after" }) {
  if (line === null) return <><td className="no e" /><td className="sg e" /><td className="e" /></>;
  const kind = CLASS[line.kind];
  return (
    <>
      <td className={cx("no", kind)}>{line[side]}</td>
      <td className={cx("sg", kind)}>{SIGN[line.kind]}</td>
      <td className={kind}><Words pieces={line.pieces} /></td>
    </>
  );
}

function Split({ hunk }: { hunk: Hunk }) {
  return sideBySide(hunk.lines).map((pair, index) => (
    <tr key={index}>
      <Half line={pair.left} side="before" />
      <Half line={pair.right} side="after" />
    </tr>
  ));
}
