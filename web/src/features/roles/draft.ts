import type { Role, RoleFields } from "@/api/types";

export interface Server {
  name: string;
  way: "url" | "argv" | "own";
  /** The URL, or the command line, one word a line. */
  place: string;
  /** Headers of a URL, environment of a command: `NAME=value`, one a line. */
  pairs: string;
}

/** What the editor holds: texts as they are typed. */
export interface Draft {
  kind: Role["kind"];
  description: string;
  system_prompt: string;
  instructions: string;
  agent: string;
  model: string;
  permissions: string;
  limited: boolean;
  tools: string;
  servers: Server[];
}

export const EMPTY: Draft = { kind: "custom", description: "", system_prompt: "", instructions: "", agent: "", model: "", permissions: "", limited: false, tools: "", servers: [] };

function pairsOf(value: unknown): string {
  return value && typeof value === "object" ? Object.entries(value).map(([name, text]) => `${name}=${String(text)}`).join("\n") : "";
}

export function draftOf(role: Role): Draft {
  const servers = role.mcp.map((entry): Server => {
    const url = typeof entry.url === "string" ? entry.url : "";
    const argv = Array.isArray(entry.argv) ? entry.argv.map(String) : [];
    const name = String(entry.name);
    if (url) return { name, way: "url", place: url, pairs: pairsOf(entry.headers) };
    return argv.length > 0 ? { name, way: "argv", place: argv.join("\n"), pairs: pairsOf(entry.env) } : { name, way: "own", place: "", pairs: "" };
  });
  return {
    kind: role.kind, description: role.description, system_prompt: role.system_prompt, instructions: role.instructions, agent: role.agent ?? "", model: role.model ?? "",
    permissions: role.permissions ?? "", limited: role.tools !== null, tools: (role.tools ?? []).join("\n"), servers,
  };
}

function lines(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter(Boolean);
}

function pairs(text: string): Record<string, string> {
  return Object.fromEntries(lines(text).map((line) => [line.slice(0, line.indexOf("=")).trim(), line.slice(line.indexOf("=") + 1)]));
}

export function problemsOf(draft: Draft): string[] {
  const found: string[] = [];
  draft.servers.forEach((server, index) => {
    const which = server.name.trim() || `Server ${index + 1}`;
    if (server.way !== "own" && !server.name.trim()) found.push(`${which} has no name.`);
    if (server.way === "url" && !/^https?:\/\//.test(server.place.trim())) found.push(`${which} needs an address that begins with http:// or https://.`);
    if (server.way === "argv" && lines(server.place).length === 0) found.push(`${which} needs a command line.`);
    if (lines(server.pairs).some((line) => line.indexOf("=") < 1)) found.push(`${which}: each line is NAME=value.`);
  });
  const names = draft.servers.map((server) => (server.way === "own" ? "muster" : server.name.trim()));
  if (new Set(names).size < names.length) found.push("Two servers have the same name.");
  return found;
}

/** The role as it is sent. */
export function fieldsOf(draft: Draft): RoleFields {
  return {
    kind: draft.kind, description: draft.description, system_prompt: draft.system_prompt, instructions: draft.instructions,
    agent: draft.agent.trim() || null, model: draft.model.trim() || null, permissions: (draft.permissions || null) as RoleFields["permissions"],
    tools: draft.limited ? lines(draft.tools) : null,
    mcp: draft.servers.map((server) => {
      if (server.way === "own") return { name: "muster" };
      const name = server.name.trim();
      return server.way === "url" ? { name, url: server.place.trim(), headers: pairs(server.pairs) } : { name, argv: lines(server.place), env: pairs(server.pairs) };
    }) as unknown as RoleFields["mcp"],
  };
}

/** No model's own count: four characters are about a token. */
export function aboutTokens(text: string): number {
  return Math.ceil(text.length / 4);
}
