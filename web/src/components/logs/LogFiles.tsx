import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { Download, Search } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { useSearchParams } from "react-router";
import { answer, api } from "@/api/client";
import type { Attempt, Task } from "@/api/types";
import { ChangeLinks, Told } from "@/components/conversation/ChangeLinks";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { StateGlyph } from "@/components/StateGlyph";
import { say } from "@/components/toasts";
import { bytes, plural, timeOfDay } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { visible } from "@/lib/visible";
import { type FileLine, filterLines, labelsOf, linesOf, pathsOf } from "./lines";
import { type Brush, brushOf, stripOf, timesOf, within } from "./strip";
import { TimeStrip } from "./TimeStrip";

const FILES: [string, string][] = [
  ["text.txt", "What the agent said"], ["prompt.txt", "The prompt as it was sent"], ["tools.jsonl", "Every tool call with its result"], ["summary.jsonl", "Sessions, usage and ends of turns"],
];
const AGAIN_MS = 3_000;

/** The four log files of an attempt: searched, followed, downloaded. */
export default function LogFiles({ task, attempt }: { task: Task; attempt: Attempt | null }) {
  const [search, setSearch] = useSearchParams();
  const [follow, setFollow] = useState(attempt?.state === "running");
  const asked = search.get("log") ?? "text.txt";
  const name = FILES.some(([file]) => file === asked) ? asked : "text.txt";
  const json = name.endsWith(".jsonl");
  const running = attempt?.state === "running";
  const found = useQuery({
    queryKey: ["logfile", task.id, attempt?.number ?? 0, name],
    queryFn: () => answer(api.GET("/api/v1/tasks/{task_id}/logs/files/{name}", { params: { path: { task_id: task.id, name }, query: { attempt: attempt?.number } }, parseAs: "text" })) as Promise<string>,
    enabled: attempt !== null && attempt.run !== null, refetchInterval: running && follow ? AGAIN_MS : false,
  });
  const filter = { words: search.get("find") ?? "", label: json ? (search.get("tool") ?? "") : "", bad: json && search.get("failed") === "yes" };
  const lines = useMemo(() => linesOf(found.data ?? "", json), [found.data, json]);
  const [from, to] = json ? [search.get("from"), search.get("to")] : [null, null];
  const shown = filterLines(within(lines, from, to), filter);
  const labels = useMemo(() => labelsOf(lines), [lines]);
  const strip = useMemo(() => (json ? stripOf(lines, labels) : null), [json, lines, labels]);
  const brushed = (brush: Brush | null) => { const [start, end] = brush && strip ? timesOf(strip, brush) : ["", ""]; set({ from: start, to: end }); };
  const set = (changes: Record<string, string>) => setSearch((before) => {
    const after = new URLSearchParams(before);
    for (const [key, value] of Object.entries(changes)) if (value) after.set(key, value); else after.delete(key);
    return after;
  }, { replace: true, flushSync: "find" in changes });
  const told = useMemo(() => ({ task: task.id, attempt: attempt?.number ?? 0 }), [task.id, attempt?.number]);
  useKeys({ f: () => setFollow(!follow), "/": () => document.querySelector<HTMLElement>("#file-search")?.focus() });
  if (attempt === null) return <EmptyState title="No logs yet">It has not been started{task.waiting ? `: ${task.waiting.message}` : ""}.</EmptyState>;
  if (attempt.run === null) return <EmptyState title="No logs">These are of agents; what a script printed is under Output of its task.</EmptyState>;
  return (
    <section className="card pan" aria-label="Logs">
      <div className="fbar" style={{ padding: "9px 12px" }}>
        <div className="seg" role="group" aria-label="Log file" style={{ overflowX: "auto", maxWidth: "100%" }}>
          {FILES.map(([file, what]) => <button key={file} type="button" title={what} aria-pressed={file === name} onClick={() => set({ log: file === "text.txt" ? "" : file, tool: "", failed: "", from: "", to: "" })}>{file}</button>)}
        </div>
        <div style={{ position: "relative", display: "flex", alignItems: "center" }}>
          <Search size={13} style={{ position: "absolute", left: 9, color: "var(--fg-3)" }} aria-hidden="true" />
          <input id="file-search" className="inp" style={{ paddingLeft: 28, width: 190 }} type="search" placeholder="Search" aria-label="Search the log" value={filter.words} onChange={(event) => set({ find: event.target.value })} />
        </div>
        {json && labels.length > 0 ? (
          <select className="inp" style={{ width: 150 }} aria-label={name === "tools.jsonl" ? "Tool" : "Kind"} value={filter.label} onChange={(event) => set({ tool: event.target.value })}>
            <option value="">All</option>
            {labels.map(([label, amount]) => <option key={label} value={label}>{label} ({amount})</option>)}
          </select>
        ) : null}
        {json ? <button type="button" className="btn s" aria-pressed={filter.bad} onClick={() => set({ failed: filter.bad ? "" : "yes" })}>Failed only</button> : null}
        <span className="mut num" style={{ fontSize: 12 }}>{found.data === undefined ? "" : shown.length < lines.length ? `${plural(shown.length, "line")} of ${lines.length}` : `${plural(lines.length, "line")}, ${bytes(new Blob([found.data]).size)}`}</span>
        <span style={{ marginLeft: "auto", display: "flex", gap: 6 }}>
          {running ? <button type="button" className="btn s" aria-pressed={follow} onClick={() => setFollow(!follow)}>{follow ? "Following" : "Follow"}</button> : null}
          <button type="button" className="btn s" disabled={found.data === undefined} onClick={() => void navigator.clipboard.writeText(shown.map((line) => line.text).join("\n")).then(() => say("Copied"))}>Copy</button>
          <button type="button" className="btn s" disabled={found.data === undefined} onClick={() => save(`${task.id}.${attempt.number}.${name}`, found.data ?? "")}><Download size={12} />Download</button>
        </span>
      </div>
      {strip ? <TimeStrip strip={strip} brush={brushOf(strip, from, to)} onBrush={brushed} /> : null}
      {found.isError && found.data === undefined ? <ErrorState what="The log could not be loaded" error={found.error} retry={() => void found.refetch()} />
        : found.data === undefined ? <Skeleton rows={10} height={19} />
        : lines.length === 0 ? <p className="pr">Nothing is in it{running ? " so far" : ""}.</p>
        : shown.length === 0 ? <EmptyState title="No lines match" action={<button type="button" className="btn" onClick={() => set({ find: "", tool: "", failed: "", from: "", to: "" })}>Clear</button>} />
        : <Told.Provider value={told}><Lines key={name} lines={shown} follow={running && follow} label={name} /></Told.Provider>}
    </section>
  );
}

function Lines({ lines, follow, label }: { lines: FileLine[]; follow: boolean; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState<Set<number>>(new Set());
  const rows = useVirtualizer({ count: lines.length, getScrollElement: () => box.current, estimateSize: () => 21, overscan: 30, paddingStart: 8, paddingEnd: 8, getItemKey: (index) => lines[index]!.number });
  const size = rows.getTotalSize();
  useEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [follow, size]);
  const toggle = (number: number) => setOpen((before) => { const after = new Set(before); if (!after.delete(number)) after.add(number); return after; });
  return (
    <div ref={box} className="log wrap" role="log" aria-live="off" aria-label={label} tabIndex={0} style={{ height: "calc(100dvh - 320px)", minHeight: 220 }}>
      <div style={{ height: size, position: "relative" }}>
        {rows.getVirtualItems().map((row) => {
          const line = lines[row.index]!;
          return (
            <div key={row.key} data-index={row.index} ref={rows.measureElement} style={{ position: "absolute", top: 0, left: 0, right: 0, transform: `translateY(${row.start}px)` }}>
              {line.json ? (
                <>
                  <button type="button" className="jl" aria-expanded={open.has(line.number)} onClick={() => toggle(line.number)}>
                    <time dateTime={line.at ?? undefined}>{line.at ? timeOfDay(new Date(line.at)) : ""}</time>
                    {line.bad ? <StateGlyph state="failed" size={11} /> : null}<b>{visible(line.label)}</b><span className="cut">{visible(line.title)}</span>
                  </button>
                  {open.has(line.number) ? <ChangeLinks paths={pathsOf(line)} /> : null}
                  {open.has(line.number) ? <pre className="jo" tabIndex={0}>{visible(JSON.stringify(line.json, null, 2))}</pre> : null}
                </>
              ) : <div className="pl">{visible(line.text) || "\u00a0"}</div>}
            </div>
          );
        })}
      </div>
    </div>
  );
}

function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1_000);
}
