import { X } from "lucide-react";
import { useEffect, useRef } from "react";
import { create } from "zustand";
import { ApiProblem } from "@/api/client";
import { UNDO, useKeys } from "@/lib/keys";

interface Toast {
  id: number;
  text: string;
  stays: boolean;
  /** After so long it goes; null: when it is dismissed. */
  milliseconds: number | null;
  /** How often the same was said. */
  times: number;
  action?: { label: string; run: () => void };
}

const MOST = 3;
const SHORT_MS = 4_000;
const UNDO_MS = 5_000;

let next = 1;
const useToasts = create<{ toasts: Toast[] }>(() => ({ toasts: [] }));
const timers = new Map<number, ReturnType<typeof setTimeout>>();

function dismiss(id: number): void {
  clearTimeout(timers.get(id));
  timers.delete(id);
  useToasts.setState(({ toasts }) => ({ toasts: toasts.filter((toast) => toast.id !== id) }));
}

function wind({ id, milliseconds }: Toast): void {
  clearTimeout(timers.get(id));
  if (milliseconds !== null) timers.set(id, setTimeout(() => dismiss(id), milliseconds));
}

/** While somebody points at them or is in them, none goes. */
function hold(held: boolean): void {
  for (const toast of useToasts.getState().toasts) {
    if (held) clearTimeout(timers.get(toast.id));
    else wind(toast);
  }
}

function show(given: Pick<Toast, "text" | "stays" | "milliseconds" | "action">): void {
  const { toasts } = useToasts.getState();
  // What can be undone is said for itself each time: each undo is another.
  const same = given.action ? undefined : toasts.find((toast) => toast.text === given.text && !toast.action);
  const toast = same ? { ...same, times: same.times + 1 } : { ...given, id: next++, times: 1 };
  const others = toasts.filter((one) => one !== same);
  const gone = others.length < MOST ? undefined : (others.find((one) => !one.stays) ?? others[0]);
  if (gone) clearTimeout(timers.get(gone.id));
  useToasts.setState({ toasts: [...others.filter((one) => one !== gone), toast] });
  wind(toast);
}

/** The result of something that was just done. */
export function say(text: string, action?: Toast["action"], milliseconds = action ? UNDO_MS : SHORT_MS): void {
  show({ text, stays: false, action, milliseconds });
}

/** Something that was tried and failed: it stays until it is dismissed. */
export function sayFailed(what: string, error: unknown): void {
  const why = error instanceof ApiProblem ? error.message : String(error);
  show({ text: `${what}: ${why}`, stays: true, milliseconds: null });
}

/** Where decisions are taken at the lower edge of a page. */
const BARS = ".rv-foot, .pl-bulk, .ib-bulk, .composer, .ib-detail .act";
const LOOK_MS = 200;

/** Lifts them over whatever is there to be pressed; looked at while they are shown, since pages change meanwhile. */
function useAboveBars(ref: React.RefObject<HTMLDivElement | null>, shown: number): void {
  useEffect(() => {
    const box = ref.current;
    if (!box || shown === 0) return;
    const place = () => {
      const lifted = Number.parseFloat(box.style.translate.split(" ")[1] ?? "0") || 0;
      const own = box.getBoundingClientRect();
      const [top, bottom] = [own.top - lifted, own.bottom - lifted];
      const tops = [...document.querySelectorAll(BARS)].map((bar) => bar.getBoundingClientRect()).filter((bar) => bar.height > 0 && bar.left < own.right && bar.right > own.left && bar.top < bottom + GAP && bar.bottom > top).map((bar) => bar.top);
      box.style.translate = tops.length > 0 ? `0 ${Math.min(...tops) - GAP - bottom}px` : "";
    };
    place();
    const timer = setInterval(place, LOOK_MS);
    return () => { clearInterval(timer); box.style.translate = ""; };
  }, [ref, shown]);
}

const GAP = 8;

function press(toast: Toast): void {
  dismiss(toast.id);
  toast.action?.run();
}

export function Toasts() {
  const toasts = useToasts((state) => state.toasts);
  const box = useRef<HTMLDivElement>(null);
  useAboveBars(box, toasts.length);
  const last = toasts.filter((toast) => toast.action?.label === "Undo").at(-1);
  useKeys(last ? { [UNDO]: () => press(last) } : {});
  return (
    <div
      className="toasts" ref={box} role="status" aria-live="polite"
      onPointerEnter={() => hold(true)} onPointerLeave={(event) => hold(event.currentTarget.contains(document.activeElement))}
      onFocus={() => hold(true)} onBlur={(event) => { if (!event.currentTarget.contains(event.relatedTarget)) hold(false); }}
    >
      {toasts.map((toast) => (
        <div key={toast.id} className="toast">
          <span>{toast.text}{toast.times > 1 ? <span className="num"> ×{toast.times}</span> : null}</span>
          {toast.action ? (
            <button type="button" className="btn s" onClick={() => press(toast)}>{toast.action.label}</button>
          ) : null}
          {toast.stays ? (
            <button type="button" className="ib" aria-label="Dismiss" onClick={() => dismiss(toast.id)}><X size={14} /></button>
          ) : null}
        </div>
      ))}
    </div>
  );
}
