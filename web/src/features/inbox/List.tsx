import { type FocusEvent, useRef } from "react";
import { Link } from "react-router";
import { count } from "@/lib/format";
import { Row } from "./Row";
import type { useStill } from "./still";

interface ListProps {
  still: ReturnType<typeof useStill>;
  id: string | undefined;
  query: string;
  selected: ReadonlySet<string>;
  /** Whether more tasks failed than are here. */
  furtherFailed: boolean;
  onSelect: (id: string) => void;
  /** Whether somebody points at the list or is in it. */
  onPoint: (pointed: boolean) => void;
  onAll: () => void;
}

/** The items. What comes while somebody points at them is told of below, and put in when they ask for it or turn away. */
export function List({ still, id, query, selected, furtherFailed, onSelect, onPoint, onAll }: ListProps) {
  const over = useRef(false);
  const within = useRef(false);
  const told = () => onPoint(over.current || within.current);
  const point = (value: boolean) => { over.current = value; told(); };
  const focus = (event: FocusEvent<HTMLElement>, value: boolean) => {
    if (event.currentTarget.contains(event.relatedTarget) && !value) return;
    within.current = value;
    told();
  };
  return (
    <nav
      className="ib-list card" aria-label="Items" onFocus={(event) => focus(event, true)} onBlur={(event) => focus(event, false)}
      onPointerEnter={(event) => { if (event.pointerType === "mouse") point(true); }} onPointerLeave={() => point(false)}
    >
      {still.rows.map((item) => <Row key={item.id} item={item} current={item.id === id} query={query} selected={selected.has(item.id)} gone={still.gone.has(item.id)} onSelect={() => onSelect(item.id)} />)}
      {furtherFailed ? <Link className="ib-row" to="/tasks?state=failed"><span /><span className="text-accent-text">All tasks that failed</span></Link> : null}
      {still.rows.length === 0 ? <p className="pr" style={{ padding: 12 }}>Nothing of this kind. <button type="button" className="btn s" onClick={onAll}>Show all</button></p> : null}
      <div className="ib-more" role="status">{still.more > 0 ? <>{still.more === 1 ? "1 more waits" : `${count(still.more)} more wait`}<button type="button" className="btn s" onClick={still.insert}>Show<kbd className="kbd" aria-hidden="true">R</kbd></button></> : null}</div>
    </nav>
  );
}
