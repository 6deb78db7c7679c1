import { Fragment, memo } from "react";
import { Link } from "react-router";
import type { Sandbox } from "@/api/operate";
import { cpuOf, last, networkWords, seriesOf } from "@/components/sandbox/usage";
import { StateGlyph } from "@/components/StateGlyph";
import { Elapsed } from "@/components/TimeAgo";
import { cx } from "@/lib/cx";
import { bytes, percent } from "@/lib/format";
import { type RowHandlers, rowProps } from "@/lib/usePeek";
import { usePageWidth } from "@/lib/useWidth";
import { visible } from "@/lib/visible";
import { figuresOf, type Machine } from "./machines";

/** Narrower than this agents and disks give way. */
const WIDE = 800;
const dash = <span className="mut">—</span>;

interface TableProps {
  machines: Machine[];
  chosen: string | null;
  handlers: RowHandlers<Sandbox>;
}

/** Open sandboxes, by machine. */
export function SandboxTable({ machines, chosen, handlers }: TableProps) {
  const wide = usePageWidth() >= WIDE;
  const columns = wide ? 8 : 6;
  return (
    <div className="tblw card">
      <table className="tbl two" aria-label="Open sandboxes by machine">
        <thead>
          <tr>
            <th scope="col" style={{ width: 96 }}>State</th><th scope="col">Task</th>{wide ? <th scope="col" style={{ width: "13%" }}>Agent</th> : null}<th scope="col" style={{ width: "12%" }}>Network</th>
            <th scope="col" className="r" style={{ width: 64 }}>CPU</th><th scope="col" className="r" style={{ width: 84 }}>Memory</th>{wide ? <th scope="col" className="r" style={{ width: 76 }}>Disk</th> : null}<th scope="col" className="r" style={{ width: 84 }}>Age</th>
          </tr>
        </thead>
        <tbody>
          {machines.map((machine) => (
            <Fragment key={machine.host}>
              <tr className="grp"><th scope="colgroup" colSpan={columns} className="m"><div className="mach"><b>{machine.host}</b>{figuresOf(machine).map((words) => <span key={words} className="num">{words}</span>)}</div></th></tr>
              {machine.sandboxes.map((sandbox) => <Row key={sandbox.id} wide={wide} sandbox={sandbox} chosen={chosen === sandbox.id} handlers={handlers} />)}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const Row = memo(function Row({ wide, sandbox, chosen, handlers }: { wide: boolean; sandbox: Sandbox; chosen: boolean; handlers: RowHandlers<Sandbox> }) {
  const cpu = last(cpuOf(sandbox));
  const memory = last(seriesOf(sandbox, "memory_bytes"));
  const disk = last(seriesOf(sandbox, "disk_bytes"));
  const paused = sandbox.state === "paused";
  return (
    <tr className={cx("row", chosen && "sel")} {...rowProps(sandbox.id, sandbox, handlers)}>
      <td className="main-cell"><div className="ag"><StateGlyph state={paused ? "paused" : "running"} label="" />{paused ? "Paused" : "Running"}</div></td>
      <td className="second">{sandbox.task_id ? <Link className="t" to={`/tasks/${sandbox.task_id}`} tabIndex={-1}>{visible(sandbox.title ?? "")}</Link> : <span className="mut">no task</span>}</td>
      {wide ? <td className="sub">{sandbox.agent ?? "script"} <span className="mut">{sandbox.level}</span></td> : null}
      <td className="sub" title={networkWords(sandbox)}>{networkWords(sandbox)}</td>
      <td className="r num">{cpu === null ? dash : percent(cpu)}</td>
      <td className="r num fact">{memory === null ? dash : bytes(memory)}</td>
      {wide ? <td className="r num">{disk === null ? dash : bytes(disk)}</td> : null}
      <td className="r num sub"><Elapsed since={sandbox.created_at} /></td>
    </tr>
  );
});
