import { X } from "lucide-react";
import { create } from "zustand";
import { ApiProblem } from "@/api/client";

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

export function Toasts() {
  const toasts = useToasts((state) => state.toasts);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {toasts.map((toast) => (
        <div key={toast.id} className="toast">
          <span>{toast.text}</span>
          {toast.action ? (
            <button type="button" className="btn s" onClick={() => { toast.action?.run(); dismiss(toast.id); }}>{toast.action.label}</button>
          ) : null}
          {toast.stays ? (
            <button type="button" className="ib" aria-label="Dismiss" onClick={() => dismiss(toast.id)}><X size={14} /></button>
          ) : null}
        </div>
      ))}
    </div>
  );
}
