import type { Sandbox } from "@/api/operate";
import type { Worker } from "@/api/types";
import { bytes, count, percent, plural } from "@/lib/format";

export interface Machine {
  host: string;
  workers: Worker[];
  sandboxes: Sandbox[];
}

const UNKNOWN = "Unknown machine";

/** Machines with their workers and what is open there; those where something is open first, by name. */
export function machinesOf(workers: Worker[], open: Sandbox[]): Machine[] {
  const found = new Map<string, Machine>();
  const at = (host: string | null) => {
    const name = host ?? UNKNOWN;
    const known = found.get(name) ?? { host: name, workers: [], sandboxes: [] };
    found.set(name, known);
    return known;
  };
  for (const worker of workers) at(worker.host).workers.push(worker);
  for (const sandbox of open) at(sandbox.host).sandboxes.push(sandbox);
  return [...found.values()].sort((a, b) => Number(b.sandboxes.length > 0) - Number(a.sandboxes.length > 0) || a.host.localeCompare(b.host));
}

/** What is known of a machine, in words: places, processors, memory, graphics processors. */
export function figuresOf(machine: Machine): string[] {
  const [facts] = machine.workers.map((worker) => worker.facts).filter((one) => (one.processors ?? 0) > 0);
  const running = machine.workers.reduce((sum, worker) => sum + worker.running, 0);
  const capacity = machine.workers.reduce((sum, worker) => sum + worker.capacity, 0);
  const words = [machine.workers.length > 0 ? `${running} of ${capacity} places busy` : "its worker is not heard of"];
  if (machine.workers.length > 1) words.push(plural(machine.workers.length, "worker"));
  if (!facts) return words;
  if (facts.load !== null && facts.load !== undefined && facts.processors) words.push(`load ${facts.load.toFixed(1)} on ${plural(facts.processors, "processor")}`);
  if (facts.memory_bytes && facts.memory_free_bytes != null) words.push(`${bytes(facts.memory_bytes - facts.memory_free_bytes)} of ${bytes(facts.memory_bytes)} memory`);
  for (const gpu of facts.gpus ?? []) {
    const used = gpu.memory_bytes && gpu.memory_used_bytes != null ? ` ${percent(gpu.memory_used_bytes / gpu.memory_bytes)} of ${bytes(gpu.memory_bytes)}` : "";
    words.push(`${gpu.name}${used}`);
  }
  return words;
}

/** The sandboxes a worker keeps standing before they are needed: how many stand, and how many programs began in one. */
export function poolOf(worker: Worker): { words: string; title: string } | null {
  const { warm } = worker.facts;
  if (!warm?.wanted || worker.left_at) return null;
  const { wanted, ready = 0, served = 0, missed = 0, memory_bytes: memory = 0 } = warm;
  return {
    words: `${ready} of ${wanted}, ${count(served)} used`,
    title: `${plural(ready, "sandbox", "sandboxes")} of ${wanted} stand${memory ? ` and take ${bytes(memory)}` : ""}. Since the worker's start ${plural(served, "program")} began in one, ${count(missed)} had to wait for a new one.`,
  };
}

/** Sandboxes in which every word is found. */
export function filterSandboxes(open: Sandbox[], words: string): Sandbox[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return open;
  return open.filter((one) => {
    const text = [one.id, one.title, one.task_id, one.agent, one.host, one.worker_id, one.level, one.state, one.network, ...one.allow_hosts].join(" ").toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}
