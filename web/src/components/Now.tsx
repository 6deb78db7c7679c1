import { Brain, CheckCheck, CircleHelp, Eye, Globe, ListTodo, MessageSquare, Pencil, Plug, Search, ShieldCheck, Terminal, Trash2 } from "lucide-react";
import type { FleetRow } from "@/api/types";
import { visible } from "@/lib/visible";
import { cx } from "@/lib/cx";
import { verb } from "@/lib/verbs";

const ICONS: Record<string, typeof Eye> = {
  reading: Eye, editing: Pencil, deleting: Trash2, searching: Search, running: Terminal, fetching: Globe, calling: Plug, thinking: Brain,
  writing: MessageSquare, planning: ListTodo, finishing: CheckCheck, asking: CircleHelp, wanting: ShieldCheck, printing: Terminal,
};
const PROSE = new Set(["writing", "asking", "saying", "finishing"]);

/** What an agent does now: an icon, a verb, an object. */
export function Now({ now }: { now: FleetRow["now"] }) {
  if (!now) return <span className="mut">—</span>;
  const Icon = ICONS[now.verb] ?? MessageSquare;
  return (
    <div className="now">
      <Icon size={14} strokeWidth={1.75} aria-hidden="true" />
      {verb(now.verb)}
      {now.subject ? <span className={cx("what", !PROSE.has(now.verb) && "mono")} title={now.subject}>{visible(now.subject)}</span> : null}
    </div>
  );
}
