import { Maximize2, X } from "lucide-react";
import { type CSSProperties, lazy, Suspense, useRef, useState } from "react";
import { Link, useLocation } from "react-router";
import { Skeleton } from "@/components/States";
import { useKeys } from "@/lib/keys";
import { type PeekAt, usePeek } from "@/lib/usePeek";

const TaskPeek = lazy(() => import("./TaskPeek"));
const AgentPeek = lazy(() => import("./AgentPeek"));
const SandboxPeek = lazy(() => import("./SandboxPeek"));

const LEAST = 400;
const MOST = 700;
const USUAL = 480;
const STEP = 16;
const DRAG_TO_CLOSE = 80;
const KEPT = "muster.peek";
const NAMES = { task: "Task", agent: "Agent", sandbox: "Sandbox" };

const bounded = (width: number) => Math.min(Math.max(width, LEAST), MOST);

/** The panel on the right that shows what a row stands for, while the list stays where it is. */
export default function Peek({ at }: { at: PeekAt }) {
  const { show } = usePeek();
  const { pathname } = useLocation();
  const panel = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(() => bounded(Number(localStorage.getItem(KEPT)) || USUAL));
  const close = () => {
    const inside = panel.current?.contains(document.activeElement);
    const row = document.querySelector<HTMLElement>("tr.sel[data-row], .sel[data-row]");
    show(null);
    if (inside) row?.focus();
  };
  useKeys({ Escape: close });
  const resize = (wanted: number) => {
    setWidth(bounded(wanted));
    localStorage.setItem(KEPT, String(bounded(wanted)));
  };
  const page = pageOf(at);
  return (
    <aside ref={panel} className="peek" aria-label="Peek" style={{ "--peek": `${width}px` } as CSSProperties}>
      <Edge width={width} onResize={resize} />
      <header onPointerDown={(event) => drag(event, panel.current, close)}>
        <span className="mut">{NAMES[at.kind]}</span>
        <span style={{ marginLeft: "auto" }} />
        {page && page !== pathname ? <Link className="ib" to={page} aria-label="Open the full page" title="Open the full page (Enter)"><Maximize2 size={14} /></Link> : null}
        <button type="button" className="ib" aria-label="Close the panel" title="Close (Esc)" onClick={close}><X size={15} /></button>
      </header>
      <div className="in" key={`${at.kind}:${at.id}`}>
        <Suspense fallback={<Skeleton rows={8} height={32} />}>
          {at.kind === "task" ? <TaskPeek id={at.id} /> : at.kind === "agent" ? <AgentPeek id={at.id} /> : <SandboxPeek id={at.id} />}
        </Suspense>
      </div>
    </aside>
  );
}

/** The page that shows all of it. */
function pageOf(at: PeekAt): string | null {
  if (at.kind === "task") return `/tasks/${at.id}`;
  // One that does several things at once is named with its attempt.
  if (at.kind === "agent") return `/agents/${encodeURIComponent(at.id.replace(/@att_.*$/, ""))}`;
  return at.kind === "sandbox" ? `/sandboxes/${encodeURIComponent(at.id)}` : null;
}

function Edge({ width, onResize }: { width: number; onResize: (width: number) => void }) {
  return (
    <div
      className="edge-x" role="separator" aria-orientation="vertical" aria-label="Width of the panel" tabIndex={0}
      aria-valuemin={LEAST} aria-valuemax={MOST} aria-valuenow={width}
      onKeyDown={(event) => {
        const wanted = { ArrowLeft: width + STEP, ArrowRight: width - STEP, Home: MOST, End: LEAST }[event.key];
        if (wanted === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        onResize(wanted);
      }}
      onPointerDown={(event) => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && onResize(innerWidth - event.clientX)}
    />
  );
}

/** On a small screen the panel is a sheet, which is pulled down to close it. */
function drag(event: React.PointerEvent, panel: HTMLElement | null, close: () => void): void {
  if (innerWidth >= 768 || !panel || (event.target as Element).closest("a, button")) return;
  const from = event.clientY;
  const move = (now: PointerEvent) => { panel.style.transform = `translateY(${Math.max(now.clientY - from, 0)}px)`; };
  const end = (now: PointerEvent) => {
    removeEventListener("pointermove", move);
    panel.style.transform = "";
    if (now.clientY - from > DRAG_TO_CLOSE) close();
  };
  addEventListener("pointermove", move);
  addEventListener("pointerup", end, { once: true });
}
