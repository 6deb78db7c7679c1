import type { KeptEntry } from "@/api/types";

export interface Line {
  key: number;
  at: string;
  text: string;
  bad: boolean;
}

const LONGEST = 240;

function short(text: string): string {
  const line = text.trim().split("\n").at(-1) ?? "";
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

/** A conversation as single lines, for a look; the whole of it is on its own page. */
export function linesOf(entries: KeptEntry[]): Line[] {
  const lines: Line[] = [];
  for (const { position: key, at, entry } of entries) {
    const add = (text: string, bad = false) => text && lines.push({ key, at, text, bad });
    switch (entry.kind) {
      case "message":
        add(short(`${entry.role === "user" ? "You: " : ""}${entry.text.trim().split("\n").at(-1) ?? ""}`));
        break;
      case "tool_call":
        add(short(`${(entry.tool as string | undefined) ?? entry.name} ${entry.command || entry.paths?.[0] || entry.title || ""}`));
        break;
      case "tool_result":
        if (entry.exit_code) add(`exit ${entry.exit_code}`, true);
        break;
      case "permission":
        add(short(`asks for leave: ${entry.command || entry.title}`));
        break;
      case "question":
        add(short(`asks: ${entry.text}`));
        break;
      case "error":
        add(short(entry.message), true);
        break;
      case "result":
        add(entry.ok ? "turn finished" : "turn failed", !entry.ok);
        break;
      default:
        break;
    }
  }
  return lines;
}
