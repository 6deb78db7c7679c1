import { Link } from "react-router";
import type { Sandbox } from "@/api/operate";
import { Elapsed, TimeAgo } from "@/components/TimeAgo";
import { bytes, count, duration } from "@/lib/format";
import { networkWords } from "./usage";

const LIMITS: [string, string, (value: number) => string][] = [
  ["memory_bytes", "memory", bytes], ["cpus", "processors", count], ["cpu_seconds", "processor time", duration],
  ["processes", "processes", count], ["disk_bytes", "disk", bytes], ["file_bytes", "a file", bytes],
];

export function Details({ sandbox }: { sandbox: Sandbox }) {
  const limits = LIMITS.filter(([name]) => sandbox.limits[name]).map(([name, label, show]) => `${label} ${show(sandbox.limits[name]!)}`);
  return (
    <dl className="dl wide">
      <dt>Task</dt><dd>{sandbox.task_id ? <Link className="link" to={`/tasks/${sandbox.task_id}`}>{sandbox.title}</Link> : <span className="mut">none</span>}</dd>
      <dt>Runs</dt><dd>{sandbox.agent ?? "a script"}</dd>
      <dt>Machine</dt><dd><Link className="link" to={`/sandboxes?q=${encodeURIComponent(sandbox.host ?? "")}`}>{sandbox.host ?? "unknown"}</Link></dd>
      <dt>Worker</dt><dd>{sandbox.worker_id}</dd>
      <dt>Level</dt><dd>{sandbox.level}</dd>
      <dt>Network</dt><dd>{networkWords(sandbox)}{sandbox.network === "hosts" ? <span className="mut">, and models</span> : null}</dd>
      <dt>Open for</dt><dd className="num"><Elapsed since={sandbox.created_at} /></dd>
      <dt>Told</dt><dd><TimeAgo at={sandbox.last_seen_at} /></dd>
      <dt>Limits</dt><dd>{limits.length > 0 ? limits.join(" · ") : <span className="mut">none</span>}</dd>
      <dt>Console</dt><dd>{sandbox.no_console ?? (sandbox.level === "process" ? "a shell on the machine itself" : "a shell can be opened")}</dd>
      <dt>Id</dt><dd className="mono">{sandbox.id}</dd>
    </dl>
  );
}
