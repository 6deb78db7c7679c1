import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { overview } from "@/api/queries";
import { visited } from "@/lib/recent";

/** The title of the window, with what waits for a person in front. */
export function usePageTitle(title: string): void {
  const { data } = useQuery(overview);
  const waiting = data?.waiting ?? 0;
  useEffect(() => {
    document.title = `${waiting > 0 ? `(${waiting}) ` : ""}${title} · muster`;
  }, [title, waiting]);
  useEffect(() => visited(location.pathname, title), [title]);
}

/** The heading of a page: it takes the focus when the page is gone to. */
export function PageHeading({ children, className }: { children: string; className?: string }) {
  const ref = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!document.querySelector("dialog[open]") && document.activeElement?.tagName !== "TEXTAREA") ref.current?.focus({ preventScroll: true });
  }, []);
  return <h1 ref={ref} tabIndex={-1} className={className}>{children}</h1>;
}
