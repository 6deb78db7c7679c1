import type { AgentLine } from "./rows";

/** Two agents of an address, `compare=heron,wren`. */
export function pairOf(value: string): [string, string] {
  const [one = "", two = ""] = value.split(",").map(decodeURIComponent);
  return [one, two];
}

export function addressOf(pair: string[]): string {
  return pair.map(encodeURIComponent).join(",");
}

/** The two that did most, which are most worth comparing. */
export function busiest(lines: AgentLine[]): string[] {
  return [...lines].sort((a, b) => (b.agent.record?.tasks ?? 0) - (a.agent.record?.tasks ?? 0)).slice(0, 2).map((line) => line.agent.id);
}
