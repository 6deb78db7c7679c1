import type { Sandbox } from "@/api/operate";
import { bytes, count, percent } from "@/lib/format";
import { Series } from "../Series";
import { cpuOf, last, rateOf, seriesOf } from "./usage";

const said = (value: number | null, show: (value: number) => string) => (value === null ? "nothing told yet" : show(value));

/** What a sandbox used over the last two minutes. */
export function Charts({ sandbox }: { sandbox: Sandbox }) {
  const { limits } = sandbox;
  const cpu = cpuOf(sandbox);
  const memory = seriesOf(sandbox, "memory_bytes");
  const disk = seriesOf(sandbox, "disk_bytes");
  const processes = seriesOf(sandbox, "processes");
  const limited = (name: string, show: (value: number) => string) => (limits[name] ? ` of ${show(limits[name])}` : "");
  return (
    <div className="charts">
      <Series title={`Processors: ${said(last(cpu), percent)}${limits.cpus ? ` of ${percent(limits.cpus)}` : ""}`} unit="Processors, % of one" points={cpu} show={percent} limit={limits.cpus} />
      <Series title={`Memory: ${said(last(memory), bytes)}${limited("memory_bytes", bytes)}`} unit="Memory, bytes" points={memory} show={bytes} binary limit={limits.memory_bytes} />
      <Series title={`Disk: ${said(last(disk), bytes)}${limited("disk_bytes", bytes)}`} unit="Disk, bytes" points={disk} show={bytes} binary limit={limits.disk_bytes} />
      <Series title={`Processes: ${said(last(processes), count)}${limited("processes", count)}`} unit="Processes" points={processes} show={count} limit={limits.processes} />
      <Moved sandbox={sandbox} name="rx_bytes" word="Received" />
      <Moved sandbox={sandbox} name="tx_bytes" word="Sent" />
      {sandbox.no_traffic ? <p className="mut series card" style={{ fontSize: "var(--t-sm)" }}>Network: {sandbox.no_traffic}</p> : null}
    </div>
  );
}

const rate = (value: number) => `${bytes(value)}/s`;

/** What came or went over its network, where that is counted. */
function Moved({ sandbox, name, word }: { sandbox: Sandbox; name: "rx_bytes" | "tx_bytes"; word: string }) {
  if (sandbox.no_traffic) return null;
  const points = rateOf(sandbox, name);
  const all = sandbox.samples.at(-1)?.[name];
  return <Series title={`${word}: ${said(last(points), rate)}${all === null || all === undefined ? "" : `, ${bytes(all)} in all`}`} unit={`${word}, B/s`} points={points} show={rate} binary />;
}
