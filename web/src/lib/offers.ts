import type { Worker } from "@/api/types";

export interface Offer {
  name: string;
  signedIn: boolean;
  shipped: boolean;
}

/** Ways to agents of one's own: each wants to be told of a program or an address first. */
const WAYS = new Set(["acp", "http", "jsonl", "plain"]);

/** The agents that workers have, as these say of their hosts. */
export function offers(workers: Worker[]): Offer[] {
  const found = new Map<string, Offer>();
  for (const worker of workers) {
    for (const agent of worker.facts.agents ?? []) {
      found.set(agent.name, { name: agent.name, signedIn: agent.signed_in || (found.get(agent.name)?.signedIn ?? false), shipped: agent.version === "shipped" });
    }
    if (worker.facts.agents?.length) continue;
    for (const label of worker.capabilities) {
      const name = label.startsWith("agent:") ? label.slice(6) : "";
      if (name && !found.has(name)) found.set(name, { name, signedIn: true, shipped: name === "scripted" || name === "model" });
    }
  }
  return [...found.values()].filter((offer) => !WAYS.has(offer.name)).sort((a, b) => a.name.localeCompare(b.name));
}

/** The one to begin with: a real agent that can work, else the one that needs no key. */
export function firstOf(all: Offer[]): string | undefined {
  return (all.find((offer) => !offer.shipped && offer.signedIn) ?? all.find((offer) => offer.name === "scripted") ?? all[0])?.name;
}

export function labelOf(offer: Offer): string {
  if (offer.name === "scripted") return "scripted (needs no key)";
  return offer.signedIn ? offer.name : `${offer.name} (not signed in)`;
}
