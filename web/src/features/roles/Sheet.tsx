import type { Role, RoleVersion } from "@/api/types";
import { visible } from "@/lib/visible";

/** All of a role, for reading. */
export function Sheet({ role }: { role: Role | RoleVersion }) {
  const facts: [string, string | null][] = [
    ["Kind", role.kind], ["Description", role.description], ["Agent", role.agent], ["Model", role.model], ["Permissions", role.permissions],
    ["Tools", role.tools && (role.tools.join(", ") || "none")], ["MCP servers", role.mcp.map((server) => String(server.name)).join(", ")],
  ];
  return (
    <div className="sheet">
      <dl className="dl">{facts.filter(([, value]) => value).map(([label, value]) => <div key={label}><dt>{label}</dt><dd>{visible(value!)}</dd></div>)}</dl>
      <Part title="System prompt" text={role.system_prompt} />
      <Part title="Your instructions" text={role.instructions} />
    </div>
  );
}

function Part({ title, text }: { title: string; text: string }) {
  return <><h3>{title}</h3>{text ? <pre tabIndex={0} role="region" aria-label={title}>{visible(text)}</pre> : <p className="mut">None</p>}</>;
}
