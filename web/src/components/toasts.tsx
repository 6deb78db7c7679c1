import { X } from "lucide-react";
import { useEffect, useRef } from "react";
import { create } from "zustand";
import { ApiProblem } from "@/api/client";
import { UNDO, useKeys } from "@/lib/keys";

interface Toast {
  id: number;
  text: string;
  stays: boolean;
  action?: { label: string; run: () => void };
}

let next = 1;
const useToasts = create<{ toasts: Toast[] }>(() => ({ toasts: [] }));

function dismiss(id: number): void {
  useToasts.setState(({ toasts }) => ({ toasts: toasts.filter((toast) => toast.id !== id) }));
}

function show(toast: Omit<Toast, "id">, milliseconds: number | null): void {
  const id = next++;
  useToasts.setState(({ toasts }) => ({ toasts: [...toasts.slice(-2), { ...toast, id }] }));
  if (milliseconds !== null) setTimeout(() => dismiss(id), milliseconds);
}

/** The result of something that was just done. */
export function say(text: string, action?: Toast["action"], milliseconds = action ? 6_000 : 4_000): void {
  show({ text, stays: false, action }, milliseconds);
}

/** Something that was tried and failed: it stays until it is dismissed. */
export function sayFailed(what: string, error: unknown): void {
  const why = error instanceof ApiProblem ? error.message : String(error);
  show({ text: `${what}: ${why}`, stays: true }, null);
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
    <div className="toasts" ref={box} role="status" aria-live="polite">
      {toasts.map((toast) => (
        <div key={toast.id} className="toast">
          <span>{toast.text}</span>
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
