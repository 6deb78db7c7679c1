import { Search } from "lucide-react";
import { useMemo, useState } from "react";
import { useSearchParams } from "react-router";
import type { Attempt, Task } from "@/api/types";
import { LogView } from "@/components/LogView";
import { useRemembered } from "@/components/conversation/useRemembered";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { say } from "@/components/toasts";
import { plain } from "@/lib/ansi";
import { count, plural } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { useOutput } from "@/live/tail";

type Level = "all" | "stderr";

/** Everything an attempt printed, with search and a choice of streams. */
export default function OutputTab({ task, attempts, attempt }: { task: Task; attempts: Attempt[]; attempt: Attempt | null }) {
  const [search, setSearch] = useSearchParams();
  const [follow, setFollow] = useState(true);
  const [wrap, setWrap] = useState(true);
  const [times, setTimes] = useRemembered("times", true);
  const [words, setWords] = useState("");
  const level = (search.get("level") as Level | null) ?? "all";
  const output = useOutput(task.id, attempt?.number ?? 0);
  const shown = useMemo(
    () => output.items.filter((line) => (level === "all" || line.stream === "stderr") && (words === "" || plain(line.text).toLowerCase().includes(words.toLowerCase()))),
    [output.items, level, words],
  );
  useKeys({ f: () => setFollow(!follow), "/": () => document.querySelector<HTMLElement>("#log-search")?.focus() });
  const set = (name: string, value: string | null) => setSearch((before) => {
    const after = new URLSearchParams(before);
    if (value) after.set(name, value); else after.delete(name);
    return after;
  });
  if (attempt === null) return <EmptyState title="No output yet">It has not been started{task.waiting ? `: ${task.waiting.message}` : ""}.</EmptyState>;
  if (output.loading) return <Skeleton rows={12} height={19} />;
  if (output.error && output.items.length === 0) return <ErrorState what="The output could not be loaded" error={output.error} />;
  const missing = output.total - output.items.length;
  return (
    <section className="card pan" aria-label="Output">
      <div className="fbar" style={{ padding: "9px 12px" }}>
        <div style={{ position: "relative", display: "flex", alignItems: "center" }}>
          <Search size={13} style={{ position: "absolute", left: 9, color: "var(--fg-3)" }} aria-hidden="true" />
          <input id="log-search" className="inp" style={{ paddingLeft: 28 }} type="search" placeholder="Search output" aria-label="Search output" value={words} onChange={(event) => { setWords(event.target.value); setFollow(false); }} />
        </div>
        <span className="mut num" style={{ fontSize: 12 }}>{words || level !== "all" ? plural(shown.length, "line") : `${count(output.total)} lines`}</span>
        <div className="seg">
          <button type="button" aria-pressed={level === "all"} onClick={() => set("level", null)}>All</button>
          <button type="button" aria-pressed={level === "stderr"} onClick={() => set("level", "stderr")}>Errors</button>
        </div>
        <button type="button" className="btn s" aria-pressed={wrap} onClick={() => setWrap(!wrap)}>{wrap ? "Wrapped" : "Not wrapped"}</button>
        <button type="button" className="btn s" aria-pressed={times} onClick={() => setTimes(!times)}>{times ? "Times shown" : "Times hidden"}</button>
        <button type="button" className="btn s" aria-pressed={follow} onClick={() => setFollow(!follow)}>{follow ? "Following" : "Follow"}</button>
        <button type="button" className="btn s" onClick={() => void navigator.clipboard.writeText(shown.map((line) => `${times ? `${line.at}  ` : ""}${plain(line.text)}`).join("\n")).then(() => say(times ? "Copied, with times" : "Copied"))}>Copy</button>
        {attempts.length > 1 ? (
          <select className="inp" style={{ width: 130 }} aria-label="Attempt" value={attempt.number} onChange={(event) => set("attempt", event.target.value)}>
            {attempts.map((one) => <option key={one.id} value={one.number}>Attempt {one.number}</option>)}
          </select>
        ) : null}
      </div>
      {output.items.length === 0 ? (
        <p className="pr">{output.finished ? "It printed nothing." : "Nothing printed so far."}</p>
      ) : shown.length === 0 ? (
        <EmptyState title="No lines match" action={<button type="button" className="btn" onClick={() => { setWords(""); set("level", null); }}>Clear</button>} />
      ) : (
        <LogView lines={shown} height="calc(100dvh - 300px)" follow={follow} onFollow={setFollow} wrap={wrap} times={times} label="Output" />
      )}
      {missing > 0 ? <p className="note" style={{ padding: 6 }}>{plural(missing, "earlier line")} not shown here; muster logs gives all of them.</p> : null}
    </section>
  );
}
