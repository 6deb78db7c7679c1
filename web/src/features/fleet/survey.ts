import type { FleetRow, Overview, Worker } from "@/api/types";

export interface Found {
  name: string;
  title: string;
  /** In one line: what it is good for now, or what is missing. */
  word: string;
  ready: boolean;
  version: string;
  hosts: string[];
}

export interface Survey {
  installed: Found[];
  absent: Found[];
}

/** Ways to agents of one's own; they need a program or an address and are never "there". */
const WAYS = new Set(["acp", "http", "jsonl", "plain", "model"]);

/** Whether nothing has been done here and nobody but idle workers is there. */
export function isEmpty(rows: FleetRow[], overview: Overview | undefined): boolean {
  return rows.every((row) => row.task_id === null && row.machine !== null) && overview !== undefined && overview.waiting === 0 && Object.values(overview.tasks).every((amount) => amount === 0);
}

/** Which agents the machines have, as their workers say; what one machine has is not absent. */
export function surveyOf(workers: Worker[]): Survey {
  const installed = new Map<string, Found>();
  const absent = new Map<string, Found>();
  for (const worker of workers) {
    const host = worker.host ?? worker.id;
    for (const agent of worker.facts.agents ?? []) {
      if (WAYS.has(agent.name)) continue;
      const known = installed.get(agent.name);
      const ready = agent.signed_in || known?.ready === true;
      const by = (agent.signs_in_by ?? []).join(" or ");
      installed.set(agent.name, {
        name: agent.name, title: agent.title || agent.name, ready, version: agent.version === "shipped" ? "" : agent.version,
        word: ready ? "Ready" : by ? `Not signed in: its worker needs ${by}` : "Not signed in",
        hosts: [...(known?.hosts ?? []), host],
      });
    }
    for (const agent of worker.facts.absent ?? []) {
      if (WAYS.has(agent.name)) continue;
      const known = absent.get(agent.name);
      absent.set(agent.name, { name: agent.name, title: agent.title || agent.name, ready: false, version: "", word: agent.problem, hosts: [...(known?.hosts ?? []), host] });
    }
  }
  for (const name of installed.keys()) absent.delete(name);
  const sorted = (found: Map<string, Found>) => [...found.values()].sort((a, b) => Number(b.ready) - Number(a.ready) || a.title.localeCompare(b.title));
  return { installed: sorted(installed), absent: sorted(absent) };
}
