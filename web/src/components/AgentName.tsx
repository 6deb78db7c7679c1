import { useQuery } from "@tanstack/react-query";
import { fleet } from "@/api/queries";
import type { Fleet } from "@/api/types";

const known = new WeakMap<Fleet, ReadonlyMap<string, string>>();
let last: ReadonlyMap<string, string> = new Map();

/** Names by id; the same map for as long as nobody comes, goes or is renamed. */
export function namesOf(told: Fleet): ReadonlyMap<string, string> {
  const found = known.get(told);
  if (found) return found;
  const names = new Map(told.rows.map((row) => [row.agent_id, row.name]));
  if (names.size !== last.size || [...names].some(([id, name]) => last.get(id) !== name)) last = names;
  known.set(told, last);
  return last;
}

/** What agents are called, by their ids. The frame of every page keeps the fleet fresh; here nothing is asked for. */
export function useAgentName(): (id: string | null | undefined) => string {
  const { data } = useQuery({ ...fleet, select: namesOf, enabled: false, refetchInterval: false });
  return (id) => (id ? (data?.get(id) ?? id) : "");
}

/** An agent as it is called everywhere; its id is told on pointing at it. */
export function AgentName({ id }: { id: string | null | undefined }) {
  const name = useAgentName();
  return id ? <span title={id}>{name(id)}</span> : null;
}
