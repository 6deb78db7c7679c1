import type { Sandbox } from "@/api/operate";
import { bytes, count, percent } from "@/lib/format";
import { Series } from "../Series";
import { cpuOf, last, seriesOf } from "./usage";

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
    </div>
  );
}
