import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useCallback, useState } from "react";
import { Outlet, useNavigate } from "react-router";
import { ApiProblem } from "@/api/client";
import { overview } from "@/api/queries";
import { GlyphSheet } from "@/components/StateGlyph";
import { Toasts } from "@/components/toasts";
import { cx } from "@/lib/cx";
import { usePending, useKeys, useSequenceHint } from "@/lib/keys";
import { isDark, usePrefs } from "@/lib/prefs";
import { usePeek } from "@/lib/usePeek";
import { Attention } from "./Attention";
import { BottomBar, Brand, Sidebar } from "./Sidebar";
import { SignIn } from "./SignIn";
import { Notices } from "./Notices";
import { Palette } from "./Palette";
import { TopBar } from "./TopBar";

const Help = lazy(() => import("./Help"));
const Peek = lazy(() => import("@/components/peek/Peek"));

/** What index.html draws before the code is there, and what stands until the page's own code is. */
export function Frame() {
  const rail = usePrefs((state) => state.rail);
  return (
    <div className={cx("app", rail && "rail")}>
      <aside className="side"><div className="brand"><Brand /><span className="label">muster</span></div></aside>
      <header className="top" />
    </div>
  );
}

export function Shell() {
  const go = useNavigate();
  const { rail, toggleRail, theme, setTheme } = usePrefs();
  const [open, setOpen] = useState<"palette" | "help" | null>(null);
  const search = useCallback(() => setOpen("palette"), []);
  const help = useCallback(() => setOpen("help"), []);
  const { at: peek } = usePeek();
  const { error } = useQuery(overview);
  useSequenceHint();
  useKeys({
    "mod+k": search,
    "?": help,
    "mod+d": () => setTheme(isDark(theme) ? "light" : "dark"),
    "[": toggleRail,
    c: () => void go("/tasks/new"),
    "g f": () => void go("/"),
    "g i": () => void go("/inbox"),
    "g t": () => void go("/tasks"),
    "g c": () => void go("/chat"),
    "g a": () => void go("/agents"),
    C: () => void go("/agents?new=agent"),
    "g p": () => void go("/projects"),
    "g q": () => void go("/queues"),
    "g s": () => void go("/settings"),
    "mod+,": () => void go("/settings"),
  });
  if (error instanceof ApiProblem && error.status === 401) return <SignIn />;
  return (
    <div className={cx("app", rail && "rail", peek && "peeking")}>
      <GlyphSheet />
      <a className="skip" href="#main">Skip to content</a>
      <Sidebar />
      <TopBar onSearch={search} onHelp={help} />
      <div className="work">
        <main id="main" className="main" tabIndex={-1}>
          <Notices />
          <Outlet />
        </main>
        {peek ? <Suspense fallback={null}><Peek at={peek} /></Suspense> : null}
      </div>
      <BottomBar onMore={search} />
      <Toasts />
      <Attention />
      <Pending />
      {open === "palette" ? <Palette onClose={() => setOpen(null)} onHelp={help} /> : null}
      <Suspense fallback={null}>{open === "help" ? <Help onClose={() => setOpen(null)} /> : null}</Suspense>
    </div>
  );
}

/** The first key of two, while the second is waited for. */
function Pending() {
  const first = usePending((state) => state.first);
  return first === "" ? null : <div className="keyhint" aria-hidden="true"><kbd className="kbd">{first}</kbd> and then …</div>;
}
