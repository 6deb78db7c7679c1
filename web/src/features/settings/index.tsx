import { Bell, Keyboard, Palette, RefreshCw } from "lucide-react";
import { lazy, Suspense } from "react";
import { Link, useParams } from "react-router";
import { PageHeading, usePageTitle } from "@/components/Page";
import { EmptyState, Skeleton } from "@/components/States";
import { usePreferencesState } from "@/live/preferences";
import { Appearance } from "./Appearance";

const KeyboardSection = lazy(() => import("./Keyboard"));
const LiveSection = lazy(() => import("./LiveData"));
const NoticesSection = lazy(() => import("./Notifications"));

const SECTIONS = {
  appearance: { label: "Appearance", icon: Palette, body: Appearance },
  keyboard: { label: "Keyboard", icon: Keyboard, body: KeyboardSection },
  "live-data": { label: "Live data", icon: RefreshCw, body: LiveSection },
  notifications: { label: "Notifications", icon: Bell, body: NoticesSection },
} as const;

function Where() {
  const { at, why } = usePreferencesState();
  if (at === "refused") return <p className="bad" role="alert">The server does not keep this: {why}</p>;
  return <p>{at === "kept" ? "Kept on the server, the same in every window and browser." : "Kept in this browser; the server is told as soon as it can be reached."}</p>;
}

export function Component() {
  const { section = "appearance" } = useParams();
  const known = Object.hasOwn(SECTIONS, section) ? SECTIONS[section as keyof typeof SECTIONS] : null;
  usePageTitle(known ? `${known.label} · Settings` : "Settings");
  const Body = known?.body;
  return (
    <>
      <div className="ph"><div><PageHeading>Settings</PageHeading><Where /></div></div>
      <div className="settings">
        <nav aria-label="Settings">
          {Object.entries(SECTIONS).map(([key, { label, icon: Icon }]) => (
            <Link key={key} to={`/settings/${key}`} aria-current={key === section ? "page" : undefined}><Icon size={15} strokeWidth={1.75} aria-hidden="true" />{label}</Link>
          ))}
        </nav>
        <section aria-label={known?.label ?? "Not found"}>
          {Body ? <Suspense fallback={<Skeleton rows={6} height={40} />}><Body /></Suspense> : <EmptyState title={`There are no settings called ${section.slice(0, 40)}`} action={<Link className="btn" to="/settings">Appearance</Link>}>Look at the list of sections.</EmptyState>}
        </section>
      </div>
    </>
  );
}
