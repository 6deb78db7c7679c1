import type { Entry, KeptEntry } from "@/api/types";

type Of<K extends Entry["kind"]> = Extract<Entry, { kind: K }>;
export type ToolCall = Of<"tool_call">;
export type ToolResult = Of<"tool_result">;

/** What a conversation shows: messages put together, calls with their results. */
export type Block =
  | { kind: "message"; key: number; at: string; role: string; text: string }
  | { kind: "thinking"; key: number; at: string; text: string }
  | { kind: "tool"; key: number; at: string; call: ToolCall; result: ToolResult | null; output: string }
  | { kind: "plan"; key: number; at: string; items: Of<"plan">["items"] }
  | { kind: "note"; key: number; at: string; text: string; bad: boolean }
  | { kind: "asked"; key: number; at: string; title: string; detail: string }
  | { kind: "end"; key: number; at: string; ok: boolean; text: string };

/** Entries leave out what is at its default, so everything but the kind may be missing. */
function open(entry: Entry): boolean {
  return (entry as { more?: boolean }).more === true;
}

export function toBlocks(entries: KeptEntry[]): Block[] {
  const blocks: Block[] = [];
  const calls = new Map<string, Block & { kind: "tool" }>();
  let going: (Block & { kind: "message" | "thinking" }) | null = null;
  for (const { position: key, at, entry } of entries) {
    switch (entry.kind) {
      case "message":
      case "thinking": {
        const role = entry.kind === "message" ? (entry.role ?? "agent") : "";
        if (going && going.kind === entry.kind && (going.kind === "thinking" || going.role === role)) going.text += entry.text;
        else {
          going = entry.kind === "message" ? { kind: "message", key, at, role, text: entry.text } : { kind: "thinking", key, at, text: entry.text };
          blocks.push(going);
        }
        if (!open(entry)) going = null;
        break;
      }
      case "tool_call": {
        going = null;
        const known = calls.get(entry.id);
        if (known) known.call = entry;
        else {
          const block: Block & { kind: "tool" } = { kind: "tool", key, at, call: entry, result: null, output: "" };
          calls.set(entry.id, block);
          blocks.push(block);
        }
        break;
      }
      case "tool_result": {
        const block = calls.get(entry.id);
        if (!block) break;
        block.output += entry.output ?? "";
        if (!open(entry)) block.result = entry;
        break;
      }
      case "plan":
        blocks.push({ kind: "plan", key, at, items: entry.items });
        break;
      case "permission":
        blocks.push({ kind: "asked", key, at, title: `Asked for leave: ${entry.title}`, detail: entry.command ?? "" });
        break;
      case "question":
        blocks.push({ kind: "asked", key, at, title: "Asked a question", detail: entry.text });
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
