import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useSearchParams } from "react-router";
import type { KeptEntry } from "@/api/types";
import { EmptyState } from "@/components/States";
import { sayFailed } from "@/components/toasts";
import { cx } from "@/lib/cx";
import { count, plural } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { visible } from "@/lib/visible";
import type { Tail } from "@/live/tail";
import { Asking } from "./Asked";
import { BlockView } from "./Blocks";
import { Told } from "./ChangeLinks";
import { type Block, folded, textOf, toBlocks } from "./entries";
import { Outline } from "./Outline";
import { useRemembered } from "./useRemembered";
import { useUnread } from "./useWords";

const NEAR_TOP = 160;
const NEAR_END = 40;
const NONE: Block[] = [];

interface TalkProps {
  talk: Tail<KeptEntry> & { earlier: (arrived?: () => void) => Promise<void> };
  agent: string;
  task: string;
  /** Its attempt, where calls are to link to what they changed. */
  attempt?: number;
  /** Its attempt, where what people answered is to be shown. */
  attemptId?: string;
  /** When the attempt began; what was said before is not for it. */
  since: string;
  running: boolean;
  /** Blocks of conversations this one goes on with. */
  before?: Block[];
  outline?: boolean;
  /** Leaves out what only says that things went their way: sessions, instructions, ends of turns. */
  quiet?: boolean;
  height?: string;
  footer: ReactNode;
}

/** What an agent says and does. Only what is near the window is made; older pages come when it is scrolled up to. */
export function Talk({ talk, agent, task, attempt, attemptId, since, running, before = NONE, outline = false, quiet = false, height = "calc(100dvh - 330px)", footer }: TalkProps) {
  const [search, setSearch] = useSearchParams();
  const words = search.get("find") ?? "";
  const [thinking, setThinking] = useRemembered("thinking", false);
  const [tools, setTools] = useRemembered("tools", true);
  const [follow, setFollow] = useState(words === "");
  const all = useMemo(() => [...before, ...folded(toBlocks(talk.items))], [before, talk.items]);
  const blocks = useMemo(() => all.filter((block) => matches(block, words) && !(quiet && routine(block)) && (thinking || block.kind !== "thinking") && (tools || (block.kind !== "tool" && block.kind !== "group"))), [all, words, thinking, tools, quiet]);
  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({ count: blocks.length, getScrollElement: () => box.current, estimateSize: () => 44, overscan: 12, gap: 10, paddingStart: 12, paddingEnd: 12, getItemKey: (index) => blocks[index]!.key });
  const size = rows.getTotalSize();
  const unread = useUnread(task, since, running, talk.items, talk.first);
  useEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [size, follow, unread.length]);
  const told = useMemo(() => (attempt ? { task, attempt } : null), [task, attempt]);
  const asking = useMemo(() => (attemptId ? { task, attempt: attemptId } : null), [task, attemptId]);
  const loadEarlier = useEarlier(talk, box, size, () => setFollow(false));
  const scrolled = () => {
    const at = box.current;
    if (!at) return;
    const end = at.scrollHeight - at.scrollTop - at.clientHeight < NEAR_END;
    if (end !== follow && at.scrollHeight > at.clientHeight) setFollow(end);
    if (!end && at.scrollTop < NEAR_TOP) loadEarlier();
  };
  useKeys({ f: () => setFollow(!follow), "/": () => document.querySelector<HTMLElement>("#talk-find")?.focus() });
  const go = (index: number) => { setFollow(false); rows.scrollToIndex(index, { align: "start" }); };
  const find = (text: string) => setSearch((old) => { const after = new URLSearchParams(old); if (text) after.set("find", text); else after.delete("find"); return after; }, { replace: true, flushSync: true });
  return (
    <section className={cx("card pan talk", outline && "with-outline")} aria-label="Conversation">
      <h2>{plural(talk.total, "entry", "entries")}
        <span className="r">
          <input id="talk-find" className="inp find-in" type="search" placeholder="Find" aria-label="Find in the conversation" value={words} onChange={(event) => { setFollow(false); find(event.target.value); }} />
          {words ? <span className="num">{plural(blocks.length, "match", "matches")}</span> : null}
          <button type="button" className="btn s" aria-pressed={thinking} onClick={() => setThinking(!thinking)}>{thinking ? "Thinking shown" : "Thinking hidden"}</button>
          <button type="button" className="btn s" aria-pressed={tools} onClick={() => setTools(!tools)}>{tools ? "Tools shown" : "Tools hidden"}</button>
          <button type="button" className="btn s" aria-pressed={follow} onClick={() => setFollow(!follow)}>{follow ? "Following" : "Follow"}</button>
        </span>
      </h2>
      {talk.first > 0 ? <button type="button" className="f" style={{ justifyContent: "center" }} onClick={() => loadEarlier(true)}>Show {count(Math.min(talk.first, 200))} earlier of {count(talk.first)}{words ? "; only what is loaded is searched" : ""}</button> : null}
      <div className="talk-in">
        {outline ? <Outline blocks={blocks} onGo={go} /> : null}
        <div ref={box} className="log" role="log" aria-live="off" aria-label="Messages" tabIndex={0} style={{ height, minHeight: 240, font: "inherit", padding: 0, background: "var(--surface)" }} onScroll={scrolled}>
          {blocks.length === 0 ? <EmptyState title={words ? "Nothing matches" : "Nothing said yet"} action={words ? <button type="button" className="btn" onClick={() => find("")}>Clear</button> : undefined} /> : null}
          <Told.Provider value={told}><Asking.Provider value={asking}><div style={{ height: size, position: "relative" }}>
            {rows.getVirtualItems().map((row) => (
              <div key={row.key} data-index={row.index} ref={rows.measureElement} style={{ position: "absolute", top: 0, left: 14, right: 14, transform: `translateY(${row.start}px)` }}>
                <BlockView block={blocks[row.index]!} agent={agent} open={row.index === blocks.length - 1} />
              </div>
            ))}
          </div></Asking.Provider></Told.Provider>
          {unread.map((message) => <p className="msg user unread" key={message.id}><span className="who"><b>You</b>{message.delivered_at ? "handed to it" : "not read yet"}</span>{visible(message.text)}</p>)}
        </div>
      </div>
      {footer}
    </section>
  );
}

function routine(block: Block): boolean {
  return (block.kind === "note" && !block.bad && block.text.startsWith("Session began")) || (block.kind === "end" && block.ok) || (block.kind === "message" && block.role === "system");
}

function matches(block: Block, words: string): boolean {
  return words === "" || textOf(block).toLowerCase().includes(words.toLowerCase());
}

/** Fetches what was said before. What is being read stays where it is; when it was asked for, its end is gone to. */
function useEarlier(talk: TalkProps["talk"], box: React.RefObject<HTMLDivElement | null>, size: number, unfollow: () => void) {
  const anchor = useRef<{ size: number; top: number } | null>(null);
  const busy = useRef(false);
  const latest = useRef(size);
  const { first } = talk;
  useEffect(() => { latest.current = size; });
  useLayoutEffect(() => {
    const kept = anchor.current;
    if (kept && box.current) box.current.scrollTop = kept.top + (size - kept.size);
    anchor.current = null;
    // eslint-disable-next-line react-hooks/exhaustive-deps -- only when other entries stand first
  }, [first]);
  return (asked = false) => {
    if (busy.current || first === 0) return;
    busy.current = true;
    unfollow();
    anchor.current = null;
    talk.earlier(() => { anchor.current = box.current ? { size: latest.current, top: asked ? 0 : box.current.scrollTop } : null; })
      .catch((error: unknown) => sayFailed("Not loaded", error))
      .finally(() => { busy.current = false; });
  };
}
