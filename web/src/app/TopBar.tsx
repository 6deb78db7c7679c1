import { skipToken, useQuery } from "@tanstack/react-query";
import { Bell, CircleHelp, Moon, Search, Sun } from "lucide-react";
import { memo } from "react";
import { Link, useLocation } from "react-router";
import { overview } from "@/api/queries";
import { ConnectionPill } from "@/components/ConnectionPill";
import { shortId } from "@/lib/format";
import { useShown } from "@/lib/keys";
import { isDark, usePrefs } from "@/lib/prefs";

const NAMES: Record<string, string> = { "": "Fleet", inbox: "Inbox", tasks: "Tasks", chat: "Chat", agents: "Agents", queues: "Queues", projects: "Projects", sessions: "Sessions", scripts: "Scripts", sandboxes: "Sandboxes", activity: "Activity", settings: "Settings" };

/** What a page calls the thing it shows, once it is known. */
function useName(path: string): string | undefined {
  const [noun = "", id = ""] = path.split("/").slice(1);
  return useQuery<{ name?: string }>({ queryKey: [noun, "one", id], queryFn: skipToken }).data?.name;
}

function crumbs(path: string, name: string | undefined): { label: string; to: string }[] {
  const [first = "", second = "", third = ""] = path.split("/").slice(1);
  const found = [{ label: NAMES[first] ?? "Not found", to: `/${first}` }];
  if (first === "tasks" && second) found.push({ label: second === "new" ? "New task" : shortId(second), to: `/tasks/${second}` });
  if (first === "chat" && second) found.push({ label: decodeURIComponent(second), to: `/chat/${second}` });
  if (first === "agents" && second) found.push({ label: second === "roles" ? "Roles" : decodeURIComponent(second), to: `/agents/${second}` });
  if (first === "agents" && second === "roles" && third) found.push({ label: decodeURIComponent(third), to: path });
  if (first === "queues" && second === "dead-letters") found.push({ label: "Dead letters", to: path });
  else if (["queues", "projects", "sessions", "scripts"].includes(first) && second) found.push({ label: name ?? (/^[a-z]{3}_[0-9a-z]{13}$/.test(second) ? shortId(second) : decodeURIComponent(second)), to: `/${first}/${second}` });
  if (first === "sandboxes" && second) found.push({ label: second.slice(0, third ? 13 : 24), to: `/sandboxes/${second}` });
  if (first === "sandboxes" && third) found.push({ label: "Console", to: path });
  if (third === "changes") found.push({ label: "Changes", to: path });
  return found;
}

export const TopBar = memo(function TopBar({ onSearch, onHelp }: { onSearch: () => void; onHelp: () => void }) {
  const { pathname } = useLocation();
  const { theme, setTheme } = usePrefs();
  const key = useShown("search");
  const parts = crumbs(pathname, useName(pathname));
  const dark = isDark(theme);
  return (
    <header className="top">
      <nav className="crumb" aria-label="Where you are">
        {parts.map((part, index) =>
          index === parts.length - 1 ? (
            <b key={part.to} aria-current="location">{part.label}</b>
          ) : (
            <span key={part.to} style={{ display: "flex", gap: 7 }}><Link to={part.to}>{part.label}</Link><span aria-hidden="true">/</span></span>
          ),
        )}
      </nav>
      <button type="button" className="find" onClick={onSearch}>
        <Search size={14} strokeWidth={1.75} /><span className="label">Search or jump to…</span>{key ? <span className="kbd">{key}</span> : null}
      </button>
      <div className="tb">
        <ConnectionPill />
        <Waiting />
        <button type="button" className="ib" aria-label={dark ? "Switch to the light theme" : "Switch to the dark theme"} onClick={() => setTheme(dark ? "light" : "dark")}>
          {dark ? <Sun size={15} strokeWidth={1.75} /> : <Moon size={15} strokeWidth={1.75} />}
        </button>
        <button type="button" className="ib" aria-label="Shortcuts" onClick={onHelp}><CircleHelp size={15} strokeWidth={1.75} /></button>
      </div>
    </header>
  );
});

/** The bell: what waits on you, from the same figure as the sidebar, and the way there. */
function Waiting() {
  const waiting = useQuery(overview).data?.waiting ?? 0;
  const words = waiting > 0 ? `${waiting} waiting on you` : "Nothing waits on you";
  return <Link className="ib bell" to="/inbox" aria-label={words} title={words}><Bell size={15} strokeWidth={1.75} />{waiting > 0 ? <span className="dot num" aria-hidden="true">{waiting > 99 ? "99+" : waiting}</span> : null}</Link>;
}
