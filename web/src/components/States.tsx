import type { ReactNode } from "react";
import { ApiProblem } from "@/api/client";
import { useVersion } from "./useVersion";

interface EmptyProps {
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  /** It stands for the whole page. */
  page?: boolean;
}

export function EmptyState({ title, children, action, page = false }: EmptyProps) {
  const Heading = page ? "h1" : "h2";
  return (
    <div className="state">
      <Heading>{title}</Heading>
      {children ? <p>{children}</p> : null}
      {action ? <div className="b">{action}</div> : null}
    </div>
  );
}

const REASONS: Record<number, string> = {
  0: "The server cannot be reached. It may be restarting; this page tries again by itself.",
  401: "This server wants a token.",
  403: "You may not see this.",
  404: "There is no such thing.",
};

/** What failed, why, and a way on; the rest of the page stays. */
export function ErrorState({ what, error, retry, action, page = false }: { what: string; error: unknown; retry?: () => void; action?: ReactNode; page?: boolean }) {
  const version = useVersion();
  const Heading = page ? "h1" : "h2";
  const problem = error instanceof ApiProblem ? error : null;
  const details = [what, problem ? `${problem.status} ${problem.code}: ${problem.message}` : String(error), problem?.requestId && `request ${problem.requestId}`, new Date().toISOString(), `muster ${version}`];
  return (
    <div className="state" role="alert">
      <Heading>{what}</Heading>
      <p>{problem ? (problem.status === 0 ? REASONS[0] : problem.message || REASONS[problem.status]) : String(error)}</p>
      <div className="b">
        {retry ? <button type="button" className="btn p" onClick={retry}>Try again</button> : null}
        <button type="button" className="btn" onClick={() => void navigator.clipboard?.writeText(details.filter(Boolean).join("\n"))}>Copy details</button>
        {action}
      </div>
    </div>
  );
}

/** Lines where text will be, at the height it will have. */
export function Skeleton({ rows = 6, height = 32 }: { rows?: number; height?: number }) {
  return (
    <div aria-hidden="true" style={{ padding: "0 14px" }}>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} style={{ height, display: "flex", alignItems: "center" }}>
          <div className="sk" style={{ width: `${38 + ((row * 37) % 50)}%` }} />
        </div>
      ))}
    </div>
  );
}
