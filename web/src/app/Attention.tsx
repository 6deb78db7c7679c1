import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { overview, pendingApprovals } from "@/api/queries";
import type { Approval } from "@/api/types";
import { useNow } from "@/lib/clock";
import { type Figures, newsOf } from "@/lib/news";

const LAST_MINUTE_MS = 60_000;
const NEWS_MS = 5_000;
const ICON = "/icon.svg";

/** What waits for a person, wherever somebody is: the dot on the icon, the last minute said aloud. */
export function Attention() {
  const { data } = useQuery(overview);
  const waiting = data?.waiting ?? 0;
  const approvals = useQuery(pendingApprovals).data?.items;
  useFavicon(waiting);
  return <><LastMinute approvals={approvals ?? []} />{data ? <News figures={{ waiting, succeeded: data.tasks.succeeded ?? 0, failed: data.tasks.failed ?? 0 }} /> : null}</>;
}

/** What came meanwhile, for whoever does not see the figures change: at most once in five seconds. */
function News({ figures }: { figures: Figures }) {
  const told = useRef({ figures, at: 0 });
  const [words, setWords] = useState("");
  const { waiting, succeeded, failed } = figures;
  useEffect(() => {
    const now = { waiting, succeeded, failed };
    const tell = () => {
      const news = newsOf(told.current.figures, now);
      told.current = { figures: now, at: news ? Date.now() : told.current.at };
      if (news) setWords(news);
    };
    const timer = setTimeout(tell, Math.max(told.current.at + NEWS_MS - Date.now(), 0));
    return () => clearTimeout(timer);
  }, [waiting, succeeded, failed]);
  return <p className="sr" aria-live="polite" data-news>{words}</p>;
}

function useFavicon(waiting: number): void {
  const some = waiting > 0;
  useEffect(() => {
    const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    if (!link || !some) return;
    link.href = dotted();
    return () => { link.href = ICON; };
  }, [some]);
}

/** The icon with a diamond, which means waiting everywhere here. */
function dotted(): string {
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--fg").trim();
  const waiting = style.getPropertyValue("--st-waiting-fill").trim();
  const bars = [[1, 3, 14], [6, 6, 11], [11, 3, 14], [16, 9, 8]].map(([x, y, height]) => `<rect x="${x}" y="${y}" width="3.4" height="${height}" rx="1.2" fill="${ink}"/>`).join("");
  return `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20">${bars}<path d="M14.5 0 20 5.5 14.5 11 9 5.5Z" fill="${waiting}"/></svg>`)}`;
}

/** Says once, at once, that a request is a minute from its end. */
function LastMinute({ approvals }: { approvals: Approval[] }) {
  const now = useNow();
  const [said, setSaid] = useState<ReadonlySet<string>>(new Set());
  const [words, setWords] = useState("");
  const due = approvals.filter((approval) => {
    const left = approval.expires_at ? Date.parse(approval.expires_at) - now : Infinity;
    return left > 0 && left <= LAST_MINUTE_MS && !said.has(`${approval.id} ${approval.expires_at}`);
  });
  if (due.length > 0) {
    setSaid(new Set([...said, ...due.map((approval) => `${approval.id} ${approval.expires_at}`)]));
    setWords(due.length === 1 ? `A request expires in one minute: ${due[0]!.title}` : `${due.length} requests expire in one minute`);
  }
  return <p className="sr" role="alert" aria-live="assertive" data-last-minute>{words}</p>;
}
