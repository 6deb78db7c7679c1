import { useQuery } from "@tanstack/react-query";
import { ChevronDown, ChevronRight } from "lucide-react";
import { Fragment, useMemo, useRef } from "react";
import { Link } from "react-router";
import { answer, api } from "@/api/client";
import type { Activity } from "@/api/operate";
import { AgentName } from "@/components/AgentName";
import { JsonView } from "@/components/JsonView";
import { StateGlyph } from "@/components/StateGlyph";
import { ErrorState, Skeleton } from "@/components/States";
import { exactly, shortId, timeOfDay } from "@/lib/format";
import type { Shown } from "@/lib/states";
import { usePageWidth } from "@/lib/useWidth";
import { useWindow } from "@/lib/useWindow";
import { visible } from "@/lib/visible";
import { byMinute } from "./feed";

const STATES: Record<string, Shown> = {
  "task.submitted": "queued", "task.requeued": "queued", "task.cancelled": "cancelled", "task.archived": "archived", "attempt.started": "running",
  "attempt.succeeded": "succeeded", "attempt.failed": "failed", "attempt.warned": "stale", "provider.failing": "failed", "provider.recovered": "succeeded",
};

type Line = { key: string; label: string } | { key: string; item: Activity };

/** Narrower than this who did it and on what are told only by the words and by what opens. */
const WIDE = 640;

interface EntriesProps {
  items: Activity[];
  open: string | null;
  onOpen: (id: string | null) => void;
}

/** What happened, newest first, by minute. */
export function Entries({ items, open, onOpen }: EntriesProps) {
  const wide = usePageWidth() >= WIDE;
  const columns = wide ? 4 : 2;
  const box = useRef<HTMLDivElement>(null);
  const lines = useMemo(() => byMinute(items).flatMap((minute): Line[] => [{ key: minute.key, label: minute.label }, ...minute.items.map((item) => ({ key: item.id, item }))]), [items]);
  const { from, to, above, below } = useWindow(lines.length, box);
  // What opens below an entry is a row of its own.
  const opened = open === null ? -1 : lines.findIndex((line) => line.key === open);
  const place = (at: number) => at + (opened >= 0 && at > opened ? 3 : 2);
  return (
    <div className="tblw card" ref={box}>
      <table className="tbl feed" aria-label="What happened" aria-rowcount={lines.length + (opened < 0 ? 1 : 2)}>
        <colgroup><col style={{ width: 84 }} /><col />{wide ? <><col style={{ width: "16%" }} /><col style={{ width: 104 }} /></> : null}</colgroup>
        <thead className="sr"><tr aria-rowindex={1}><th scope="col">Time</th><th scope="col">What</th>{wide ? <><th scope="col">Who</th><th scope="col">On what</th></> : null}</tr></thead>
        <tbody>
          {above > 0 ? <tr aria-hidden="true"><td colSpan={columns} style={{ height: above, padding: 0, border: 0 }} /></tr> : null}
          {lines.slice(from, to).map((line, nth) => ("item" in line ? (
            <Fragment key={line.key}>
              <Entry item={line.item} at={place(from + nth)} wide={wide} open={open === line.key} onOpen={onOpen} />
              {open === line.key ? <tr aria-rowindex={place(from + nth) + 1}><td colSpan={columns} className="opened"><Detail id={line.key} /></td></tr> : null}
            </Fragment>
          ) : <tr className="grp" key={line.key} aria-rowindex={place(from + nth)}><th colSpan={columns} scope="colgroup">{line.label}</th></tr>))}
          {below > 0 ? <tr aria-hidden="true"><td colSpan={columns} style={{ height: below, padding: 0, border: 0 }} /></tr> : null}
        </tbody>
      </table>
    </div>
  );
}

function Entry({ item, at: place, wide, open, onOpen }: { item: Activity; at: number; wide: boolean; open: boolean; onOpen: (id: string | null) => void }) {
  const at = new Date(item.at);
  return (
    <tr className="row" aria-rowindex={place} data-row={item.id} onClick={(event) => !(event.target as Element).closest("a, button") && onOpen(open ? null : item.id)}>
      <td className="mut num"><time dateTime={item.at} title={exactly(at)}>{timeOfDay(at)}</time></td>
      <td className="what">
        <button type="button" className="ag" aria-expanded={open} onClick={() => onOpen(open ? null : item.id)}>
          {open ? <ChevronDown size={12} aria-hidden="true" /> : <ChevronRight size={12} aria-hidden="true" />}
          {STATES[item.kind] ? <StateGlyph state={STATES[item.kind]!} size={12} label="" /> : <span style={{ width: 12 }} />}
          <span className="cut t">{visible(item.title)}</span>
          {item.description ? <span className="cut mut">{visible(item.description)}</span> : null}
        </button>
      </td>
      {wide ? <td className="sub">{item.agent_id ? <Link className="t" to={`?agent=${encodeURIComponent(item.agent_id)}`}><AgentName id={item.agent_id} /></Link> : <span className="mut">—</span>}</td> : null}
      {wide ? <td className="sub mono">{item.task_id ? <Link to={`/tasks/${item.task_id}`} className="t">{shortId(item.task_id)}</Link> : item.project_id ? <Link className="t" to={`?project=${item.project_id}`}>{shortId(item.project_id)}</Link> : <span className="mut">—</span>}</td> : null}
    </tr>
  );
}

function Detail({ id }: { id: string }) {
  const found = useQuery({
    queryKey: ["activity", id], staleTime: Infinity,
    queryFn: () => answer(api.GET("/api/v1/activities/{activity_id}", { params: { path: { activity_id: id } } })),
  });
  if (found.isError) return <ErrorState what="The entry could not be loaded" error={found.error} retry={() => void found.refetch()} />;
  if (!found.data) return <Skeleton rows={3} height={20} />;
  return <JsonView value={found.data.event} label="The event behind the entry" />;
}
