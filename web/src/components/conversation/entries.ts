import type { Entry, KeptEntry } from "@/api/types";

type Of<K extends Entry["kind"]> = Extract<Entry, { kind: K }>;
export type ToolCall = Of<"tool_call">;
export type ToolResult = Of<"tool_result">;

/** What the agent says it used for a step. */
export interface Used {
  tokens: NonNullable<Of<"usage">["usage"]>;
  cost: number | null;
}

export interface ToolBlock {
  kind: "tool";
  key: string;
  at: string;
  call: ToolCall;
  result: ToolResult | null;
  output: string;
  /** When its result was there. */
  ended?: string;
  used?: Used;
}

/** What a conversation shows: messages put together, calls with their results. */
export type Block =
  | { kind: "message"; key: string; at: string; role: string; text: string; used?: Used }
  | { kind: "thinking"; key: string; at: string; text: string; until?: string }
  | ToolBlock
  | { kind: "group"; key: string; at: string; verb: string; calls: ToolBlock[] }
  | { kind: "plan"; key: string; at: string; items: Of<"plan">["items"] }
  | { kind: "note"; key: string; at: string; text: string; bad: boolean }
  | { kind: "asked"; key: string; at: string; title: string; detail: string; /** The name of its request; "" in what was said before this attempt. */ id: string }
  | { kind: "end"; key: string; at: string; ok: boolean; text: string };

/** Entries leave out what is at its default, so everything but the kind may be missing. */
function open(entry: Entry): boolean {
  return (entry as { more?: boolean }).more === true;
}

/** `prefix` tells the blocks of several conversations apart. */
export function toBlocks(entries: KeptEntry[], prefix = ""): Block[] {
  const blocks: Block[] = [];
  const calls = new Map<string, ToolBlock>();
  let step: Block[] = [];
  let going: (Block & { kind: "message" | "thinking" }) | null = null;
  for (const { position, at, entry } of entries) {
    const key = `${prefix}${position}`;
    const last = blocks.at(-1);
    if (last?.kind === "thinking" && last !== going && !last.until) last.until = at;
    switch (entry.kind) {
      case "message":
      case "thinking": {
        const role = entry.kind === "message" ? (entry.role ?? "agent") : "";
        if (going && going.kind === entry.kind && (going.kind === "thinking" || going.role === role)) going.text += entry.text;
        else {
          going = entry.kind === "message" ? { kind: "message", key, at, role, text: entry.text } : { kind: "thinking", key, at, text: entry.text };
          blocks.push(going);
          if (role === "agent") step.push(going);
          else if (role === "user") step = [];
        }
        if (!open(entry)) going = null;
        break;
      }
      case "tool_call": {
        going = null;
        const known = calls.get(entry.id);
        if (known) known.call = entry;
        else {
          const block: ToolBlock = { kind: "tool", key, at, call: entry, result: null, output: "" };
          calls.set(entry.id, block);
          blocks.push(block);
          step.push(block);
        }
        break;
      }
      case "tool_result": {
        const block = calls.get(entry.id);
        if (!block) break;
        // The end of a call has all of its output, when it has any.
        block.output = open(entry) ? block.output + (entry.output ?? "") : entry.output || block.output;
        if (!open(entry)) Object.assign(block, { result: entry, ended: at });
        break;
      }
      case "usage": {
        // Totals of a session are not of one step; where nothing was said, the first call bears it.
        const bearer = step.find((block) => block.kind === "message") ?? step[0];
        if (entry.usage && !entry.total && (bearer?.kind === "message" || bearer?.kind === "tool")) bearer.used = { tokens: entry.usage, cost: entry.cost_usd ?? null };
        if (entry.usage) step = [];
        break;
      }
      case "plan":
        blocks.push({ kind: "plan", key, at, items: entry.items });
        break;
      case "permission":
        blocks.push({ kind: "asked", key, at, title: `Asked for leave: ${entry.title}`, detail: entry.command ?? "", id: prefix ? "" : entry.id });
        break;
      case "question":
        blocks.push({ kind: "asked", key, at, title: "Asked a question", detail: entry.text, id: prefix ? "" : entry.id });
        break;
      case "error":
        blocks.push({ kind: "note", key, at, bad: true, text: `${entry.message}${entry.retrying ? " (tries again)" : ""}` });
        break;
      case "session":
        blocks.push({ kind: "note", key, at, bad: false, text: `Session began${entry.model ? ` with ${entry.model}` : ""}` });
        break;
      case "result":
        blocks.push({ kind: "end", key, at, ok: entry.ok, text: entry.text ?? "" });
        break;
      default:
        break;
    }
  }
  return blocks;
}

const VERBS: Record<string, string> = { read: "Read", edit: "Edit", delete: "Delete", move: "Move", search: "Search", execute: "Run", think: "Think", fetch: "Fetch" };

/** A call in a few words: verb and object. */
export function wordsOfCall(call: ToolCall): { verb: string; object: string } {
  const verb = VERBS[call.tool ?? ""] ?? call.name;
  return { verb, object: call.command || call.paths?.[0] || (call.title !== verb ? (call.title ?? "") : "") };
}

const FOLDED = new Set(["Read", "Search", "Fetch"]);
const AT_LEAST = 3;

function foldable(block: Block): block is ToolBlock {
  return block.kind === "tool" && FOLDED.has(wordsOfCall(block.call).verb) && (block.result?.status ?? "completed") === "completed" && block.result !== null;
}

/** Calls of the same tool in a row are one line, once they are over and well. */
export function folded(blocks: Block[]): Block[] {
  const shown: Block[] = [];
  for (let at = 0; at < blocks.length; ) {
    const first = blocks[at]!;
    const calls: ToolBlock[] = [];
    if (foldable(first)) {
      const { verb } = wordsOfCall(first.call);
      for (let next = blocks[at]; next && foldable(next) && wordsOfCall(next.call).verb === verb; next = blocks[at + calls.length]) calls.push(next);
      if (calls.length >= AT_LEAST) {
        shown.push({ kind: "group", key: `${first.key}+`, at: first.at, verb, calls });
        at += calls.length;
        continue;
      }
    }
    shown.push(first);
    at += 1;
  }
  return shown;
}

/** Everything of a block that can be searched for. */
export function textOf(block: Block): string {
  switch (block.kind) {
    case "message":
    case "thinking":
    case "note":
    case "end":
      return block.text;
    case "tool":
      return `${Object.values(wordsOfCall(block.call)).join(" ")} ${JSON.stringify(block.call.input ?? {})} ${block.output} ${block.result?.diff ?? ""}`;
    case "group":
      return block.calls.map(textOf).join(" ");
    case "plan":
      return block.items.map((item) => item.text).join(" ");
    case "asked":
      return `${block.title} ${block.detail}`;
  }
}

export interface Said {
  kind: string;
  text: string;
  created_at: string;
  delivered_at: string | null;
}

/** Words of people, newest first as they are listed, that are not among the entries so far; oldest first. */
export function unreadOf<T extends Said>(said: T[], since: string, items: KeptEntry[]): T[] {
  const heard = items.filter(({ entry }) => entry.kind === "message" && entry.role === "user").map(({ at, entry }) => ({ at, text: (entry as Of<"message">).text.trim() }));
  return said.filter((word) => word.kind === "say" && word.created_at >= since).reverse().filter((word) => {
    const found = heard.findIndex((one) => one.text === word.text.trim() && one.at >= word.created_at);
    if (found >= 0) heard.splice(found, 1);
    return found < 0;
  });
}

/** Which of the files that git saw change a call names; calls name them by their whole path, git from the repository on. */
export function changedBy(paths: string[], produced: string[]): string[] {
  return produced.filter((file) => paths.some((path) => path === file || path === `./${file}` || path.endsWith(`/${file}`)));
}
