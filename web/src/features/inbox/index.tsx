import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useNavigate, useParams, useSearchParams } from "react-router";
import { answer, api } from "@/api/client";
import { overview, pendingApprovals, problems, stuck } from "@/api/queries";
import { PageHeading, usePageTitle } from "@/components/Page";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { useNow } from "@/lib/clock";
import { cx } from "@/lib/cx";
import { plural } from "@/lib/format";
import { useKept } from "@/lib/kept";
import { useKeys } from "@/lib/keys";
import { problemsSaid } from "@/lib/problems";
import { Bulk } from "./Bulk";
import { Detail } from "./Detail";
import { type Item, itemsOf, kept, type Kind, KINDS, readSnoozed, shownOf, type Snoozed, together } from "./items";
import { List } from "./List";
import { Reviews } from "./Reviews";
import { Unseen } from "./Unseen";
import { useStill } from "./still";

const recentApprovals = {
  queryKey: ["approvals", "recent"],
  queryFn: () => answer(api.GET("/api/v1/approvals", { params: { query: { state: "all", limit: 100 } } })),
  placeholderData: keepPreviousData,
} as const;
const NOBODY: Snoozed = {};
const MINUTE_MS = 60_000;

function useItems(kind: Kind, snoozed: Snoozed) {
  const approvals = useQuery(pendingApprovals);
  const failed = useQuery(problems);
  const behind = useQuery(stuck);
  const recent = useQuery(recentApprovals);
  const now = Math.floor(useNow() / MINUTE_MS) * MINUTE_MS;
  const items = itemsOf(approvals.data?.items ?? [], failed.data?.items ?? [], recent.data?.items ?? [], now, behind.data?.items);
  return { approvals, failed, items, now, shown: shownOf(items, kind, snoozed, now), asleep: shownOf(items, "snoozed", snoozed, now).length };
}

/** Everything that waits for a person: the list on the left, the decision on the right. */
export function Component() {
  const { id } = useParams();
  const go = useNavigate();
  const [search, setSearch] = useSearchParams();
  const kind = (search.get("kind") as Kind | null) ?? "all";
  const [snoozed, setSnoozed] = useKept<Snoozed>("snoozed", NOBODY, readSnoozed);
  const { approvals, failed, items, shown: latest, asleep, now } = useItems(kind, snoozed);
  const [pointed, setPointed] = useState(false);
  const still = useStill(latest, pointed, kind);
  const shown = still.rows;
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const figures = useQuery(overview).data;
  usePageTitle("Inbox");
  const wide = window.innerWidth >= 768;
  const query = search.size > 0 ? `?${search}` : "";
  useEffect(() => {
    if (!id && wide && shown[0]) void go(`/inbox/${shown[0].id}${query}`, { replace: true });
  }, [id, wide, shown, go, query]);
  const toggle = (one: string) => setSelected((before) => new Set(before.has(one) ? [...before].filter((other) => other !== one) : [...before, one]));
  const snooze = (one: string, minutes: number | null) => setSnoozed(kept(snoozed, one, minutes === null ? null : Date.now() + minutes * MINUTE_MS, now));
  useInboxKeys(shown, id, (next) => void go(`/inbox/${next}${query}`, { replace: true }), toggle, still.insert);
  if (approvals.isError && !approvals.data) return <ErrorState page what="The inbox could not be loaded" error={approvals.error} retry={() => void approvals.refetch()} />;
  return (
    <>
      <Heading items={items} kind={kind} asleep={asleep} onKind={(one) => setSearch(one === "all" ? {} : { kind: one })} />
      <Reviews />
      {!approvals.data || !failed.data ? <Skeleton rows={6} height={52} /> : items.length === 0 && !id ? figures?.reviews || figures?.unseen ? null : (
        <EmptyState title="Nothing needs you">Requests of agents for leave, their questions, tasks that failed for good, and finished work that nobody looked at appear here.</EmptyState>
      ) : (
        <div className={cx("ib-split", id && "picked")}>
          <List
            still={still} id={id} query={query} selected={selected} onSelect={toggle} onPoint={setPointed} onAll={() => setSearch({})}
            furtherFailed={(kind === "all" || kind === "problem") && failed.data.next_cursor !== null}
          />
          <div className="ib-detail">
            {id ? <p className="sr" aria-live="polite">Item {shown.findIndex((item) => item.id === id) + 1} of {shown.length}</p> : null}
            {id ? <Detail key={id} id={id} item={items.find((item) => item.id === id)} asleep={(snoozed[id] ?? 0) > now} onSnooze={(minutes) => snooze(id, minutes)} /> : null}
          </div>
        </div>
      )}
      <Unseen />
      <Bulk approvals={together(items, selected)} onClear={() => setSelected(new Set())} />
    </>
  );
}

function useInboxKeys(shown: Item[], id: string | undefined, open: (id: string) => void, toggle: (id: string) => void, insert: () => void): void {
  const step = (by: number) => {
    const at = shown.findIndex((item) => item.id === id);
    const next = shown[Math.min(Math.max(at + by, 0), shown.length - 1)];
    if (next) open(next.id);
  };
  // The decision that is open is the one the keys mean; on the card itself they are heard there.
  const press = (what: string) => document.querySelector<HTMLButtonElement>(`.ib-detail [data-decide="${what}"]`)?.click();
  const select = () => {
    const item = shown.find((one) => one.id === id);
    if (id && item?.kind === "permission" && item.approval?.risk?.level === "low") toggle(id);
  };
  useKeys({ j: () => step(1), k: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1), x: select, r: insert, a: () => press("approve"), q: () => press("ask"), d: () => press("reject") });
}

function Heading({ items, kind, asleep, onKind }: { items: Item[]; kind: Kind; asleep: number; onKind: (kind: Kind) => void }) {
  const figures = useQuery(overview).data;
  const waiting = figures?.waiting ?? 0;
  const vain = figures?.stuck ?? 0;
  const broken = (figures?.problems ?? 0) + vain;
  const of = (one: Kind) => items.filter((item) => item.kind === one).length;
  const expired = of("expired");
  const tabs: [Kind, string, number][] = [
    ...KINDS.map(([one, label]): [Kind, string, number] => [one, label, one === "all" ? waiting + broken : one === "problem" ? broken : of(one)]),
    ...(expired > 0 || kind === "expired" ? [["expired", "Expired", expired] as [Kind, string, number]] : []),
    ...(asleep > 0 || kind === "snoozed" ? [["snoozed", "Snoozed", asleep] as [Kind, string, number]] : []),
  ];
  return (
    <div className="ph">
      <div>
        <PageHeading>{waiting > 0 ? `${waiting} waiting on you` : "Nothing waits on you"}</PageHeading>
        <p>{problemsSaid(broken - vain, vain)}{figures?.unseen ? ` ${plural(figures.unseen, "result")} nobody looked at.` : ""}</p>
      </div>
      <div className="r">
        <div className="seg ib-tabs" role="group" aria-label="Kinds">
          {tabs.map(([one, label, amount]) => <button key={one} type="button" aria-pressed={kind === one} onClick={() => onKind(one)}>{label} <span className="num mut">{amount}</span></button>)}
        </div>
      </div>
    </div>
  );
}
