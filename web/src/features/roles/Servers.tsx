import { Plus, X } from "lucide-react";
import { Field, Select, Text } from "@/components/fields";
import type { Server } from "./draft";

/** The MCP servers of a role. */
export function Servers({ servers, onChange }: { servers: Server[]; onChange: (servers: Server[]) => void }) {
  const change = (at: number, more: Partial<Server>) => onChange(servers.map((server, index) => (index === at ? { ...server, ...more } : server)));
  return (
    <fieldset className="field" style={{ padding: 0, gap: 8 }}>
      <legend className="lbl" style={{ padding: 0, fontWeight: 540 }}>MCP servers</legend>
      {servers.map((server, index) => (
        <div className="srv" key={index}>
          <div className="rows" style={{ maxWidth: "none" }}>
            <div className="cols">
              <Select id={`way-${index}`} label={`Server ${index + 1}`} value={server.way} onChange={(way) => change(index, { way: way as Server["way"], place: "", pairs: "" })} options={[["own", "muster's own tools"], ["url", "At an address"], ["argv", "A command"]]} />
              {server.way === "own" ? null : <Field id={`server-${index}`} label="Name"><Text id={`server-${index}`} value={server.name} onChange={(name) => change(index, { name })} mono /></Field>}
            </div>
          </div>
          {server.way === "url" ? <Field id={`url-${index}`} label="Address"><Text id={`url-${index}`} value={server.place} onChange={(place) => change(index, { place })} placeholder="https://tools.example/mcp" mono /></Field> : null}
          {server.way === "argv" ? <Field id={`argv-${index}`} label="Command line" hint="One word a line."><textarea id={`argv-${index}`} className="inp mono" rows={2} spellCheck={false} value={server.place} onChange={(event) => change(index, { place: event.target.value })} /></Field> : null}
          {server.way === "own" ? null : <Field id={`pairs-${index}`} label={server.way === "url" ? "Headers" : "Environment"} hint="NAME=value, one a line. Whoever may read roles may read these."><textarea id={`pairs-${index}`} className="inp mono" rows={2} spellCheck={false} value={server.pairs} onChange={(event) => change(index, { pairs: event.target.value })} /></Field>}
          <button type="button" className="btn s g" style={{ alignSelf: "flex-start" }} onClick={() => onChange(servers.filter((_, other) => other !== index))}><X size={12} />Remove server {index + 1}</button>
        </div>
      ))}
      <button type="button" className="btn s" style={{ alignSelf: "flex-start" }} onClick={() => onChange([...servers, { name: "", way: servers.some((server) => server.way === "own") ? "url" : "own", place: "", pairs: "" }])}><Plus size={12} />Add a server</button>
    </fieldset>
  );
}
