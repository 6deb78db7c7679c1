import { useQuery } from "@tanstack/react-query";
import { Bot, Box, FolderKanban, History, Inbox, Layers, ListChecks, Menu, MessageSquare, Plus, Radar, ScrollText, Settings, Timer } from "lucide-react";
import { memo, type ReactNode } from "react";
import { Link, NavLink } from "react-router";
import { fleet, overview } from "@/api/queries";
import { StateGlyph } from "@/components/StateGlyph";
import { count } from "@/lib/format";
import { useShown } from "@/lib/keys";

export function Brand() {
  return (
    <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
      <g fill="currentColor">
        <rect x="1" y="3" width="3.4" height="14" rx="1.2" />
        <rect x="5.9" y="6" width="3.4" height="11" rx="1.2" opacity=".78" />
        <rect x="10.7" y="3" width="3.4" height="14" rx="1.2" />
        <rect x="15.6" y="9" width="3.4" height="8" rx="1.2" fill="var(--accent)" />
      </g>
    </svg>
  );
}

function Hot({ amount }: { amount: number }) {
  if (amount === 0) return null;
  return <span className="hot"><StateGlyph state="waiting" size={11} />{count(amount)}</span>;
}

function Item({ to, icon, label, end, children }: { to: string; icon: ReactNode; label: string; end?: boolean; children?: ReactNode }) {
  return (
    <NavLink to={to} end={end} title={label}>
      {icon}
      <span className="label">{label}</span>
      {children}
    </NavLink>
  );
}

function Amount({ value }: { value: number | undefined }) {
  return value ? <span className="ct">{count(value)}</span> : null;
}

export const Sidebar = memo(function Sidebar() {
  const { data } = useQuery(overview);
  const key = useShown("task.new");
  const { data: agents } = useQuery(fleet);
  return (
    <aside className="side" aria-label="Sidebar">
      <div className="brand"><Brand /><span className="label">muster</span><span className="ws cut">{location.hostname}</span></div>
      <Link className="newt" to="/tasks/new" title="New task"><Plus size={14} strokeWidth={2} /><span className="label">New task</span>{key ? <span className="kbd">{key.toUpperCase()}</span> : null}</Link>
      <nav className="nav" aria-label="Main">
        <Item to="/" end icon={<Radar size={15} strokeWidth={1.75} />} label="Fleet"><Amount value={agents?.rows.length} /></Item>
        <Item to="/inbox" icon={<Inbox size={15} strokeWidth={1.75} />} label="Inbox"><Hot amount={data?.waiting ?? 0} /></Item>
        <Item to="/tasks" icon={<ListChecks size={15} strokeWidth={1.75} />} label="Tasks"><Amount value={data?.open} /></Item>
        <Item to="/chat" icon={<MessageSquare size={15} strokeWidth={1.75} />} label="Chat" />
        <h2 className="label">Plan</h2>
        <Item to="/projects" icon={<FolderKanban size={15} strokeWidth={1.75} />} label="Projects" />
        <Item to="/queues" icon={<Layers size={15} strokeWidth={1.75} />} label="Queues"><Amount value={data && data.open - (data.tasks.running ?? 0)} /></Item>
        <Item to="/sessions" icon={<Timer size={15} strokeWidth={1.75} />} label="Sessions" />
        <Item to="/scripts" icon={<ScrollText size={15} strokeWidth={1.75} />} label="Scripts" />
        <h2 className="label">Operate</h2>
        <Item to="/agents" icon={<Bot size={15} strokeWidth={1.75} />} label="Agents" />
        <Item to="/sandboxes" icon={<Box size={15} strokeWidth={1.75} />} label="Sandboxes" />
        <Item to="/activity" icon={<History size={15} strokeWidth={1.75} />} label="Activity" />
      </nav>
      <div className="sfoot">
        <span className="label">{data ? `muster ${data.version}` : ""}</span>
        <Link to="/settings" className="ib" aria-label="Settings" style={{ marginLeft: "auto" }}><Settings size={15} strokeWidth={1.75} /></Link>
      </div>
    </aside>
  );
});

/** The main ways on a small screen. */
export const BottomBar = memo(function BottomBar({ onMore }: { onMore: () => void }) {
  const { data } = useQuery(overview);
  return (
    <nav className="bottom" aria-label="Main, small">
      <NavLink to="/" end><Radar size={18} strokeWidth={1.75} />Fleet</NavLink>
      <NavLink to="/inbox"><Inbox size={18} strokeWidth={1.75} />Inbox<Hot amount={data?.waiting ?? 0} /></NavLink>
      <NavLink to="/tasks/new" aria-label="New task"><span className="plus"><Plus size={18} /></span></NavLink>
      <NavLink to="/tasks" end><ListChecks size={18} strokeWidth={1.75} />Tasks</NavLink>
      <button type="button" onClick={onMore}><Menu size={18} strokeWidth={1.75} />More</button>
    </nav>
  );
});
