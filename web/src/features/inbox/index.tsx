import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { answer, api } from "@/api/client";
import { overview, pendingApprovals, problems } from "@/api/queries";
import type { Approval, TaskRow } from "@/api/types";
import { DecisionCard } from "@/components/decision/DecisionCard";
import { visible } from "@/lib/visible";
import { PageHeading, usePageTitle } from "@/components/Page";
import { StateGlyph } from "@/components/StateGlyph";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { Countdown, TimeAgo } from "@/components/TimeAgo";
import { cx } from "@/lib/cx";
import { plural } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { Problem } from "./Problem";
import { Reviews } from "./Reviews";

type Kind = "all" | "permission" | "question" | "problem";
type Item = { id: string; kind: Exclude<Kind, "all">; approval?: Approval; task?: TaskRow };

const KINDS: [Kind, string][] = [["all", "All"], ["permission", "Approvals"], ["question", "Questions"], ["problem", "Problems"]];

/** Everything that waits for a person: the list on the left, the decision on the right. */
export function Component() {
  const { id } = useParams();
  const go = useNavigate();
  const [search, setSearch] = useSearchParams();
  const kind = (search.get("kind") as Kind | null) ?? "all";
  const approvals = useQuery(pendingApprovals);
  const failed = useQuery(problems);
  const figures = useQuery(overview).data;
  const items = itemsOf(approvals.data?.items ?? [], failed.data?.items ?? []);
  const shown = items.filter((item) => kind === "all" || item.kind === kind);
  const waiting = figures?.waiting ?? 0;
  const broken = figures?.problems ?? 0;
  const loaded = approvals.data && failed.data;
  usePageTitle("Inbox");
  const wide = window.innerWidth >= 768;
  const query = search.size > 0 ? `?${search}` : "";
  useEffect(() => {
    if (!id && wide && shown[0]) void go(`/inbox/${shown[0].id}${query}`, { replace: true });
  }, [id, wide, shown, go, query]);
  const step = (by: number) => {
    const at = shown.findIndex((item) => item.id === id);
    const next = shown[Math.min(Math.max(at + by, 0), shown.length - 1)];
    if (next) void go(`/inbox/${next.id}${query}`, { replace: true });
  };
  const press = (name: RegExp) => [...document.querySelectorAll<HTMLButtonElement>(".ib-detail button")].find((button) => name.test(button.textContent ?? ""))?.click();
  useKeys({ j: () => step(1), k: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1), a: () => press(/^(Allow|Confirm)/), d: () => press(/^Reject/) });
  if (approvals.isError && !approvals.data) return <ErrorState page what="The inbox could not be loaded" error={approvals.error} retry={() => void approvals.refetch()} />;
  return (
    <>
      <div className="ph">
        <div>
          <PageHeading>{waiting > 0 ? `${waiting} waiting on you` : "Nothing waits on you"}</PageHeading>
          <p>{broken > 0 ? `${plural(broken, "task")} failed for good and block${broken === 1 ? "s" : ""} nobody.` : "No task has failed for good."}</p>
        </div>
        <div className="r">
          <div className="seg">
            {KINDS.map(([one, label]) => (
              <button key={one} type="button" aria-pressed={kind === one} onClick={() => setSearch(one === "all" ? {} : { kind: one })}>
                {label} <span className="num mut">{one === "all" ? Math.max(waiting + broken, items.length) : one === "problem" ? broken : items.filter((item) => item.kind === one).length}</span>
              </button>
            ))}
          </div>
        </div>
      </div>
      <Reviews />
      {!loaded ? <Skeleton rows={6} height={52} /> : items.length === 0 && !id ? figures?.reviews ? null : (
        <EmptyState title="Nothing needs you">Requests of agents for leave, their questions, and tasks that failed for good appear here.</EmptyState>
      ) : (
        <div className={cx("ib-split", id && "picked")}>
          <nav className="ib-list card" aria-label="Items">
            {shown.map((item) => <Row key={item.id} item={item} current={item.id === id} query={query} />)}
            {kind !== "permission" && kind !== "question" && failed.data.next_cursor ? <Link className="ib-row" to="/tasks?state=failed"><span /><span className="text-accent-text">All {broken} tasks that failed</span></Link> : null}
            {shown.length === 0 ? <p className="pr" style={{ padding: 12 }}>Nothing of this kind.</p> : null}
          </nav>
          <div className="ib-detail">
            {id ? <p className="sr" aria-live="polite">Item {shown.findIndex((item) => item.id === id) + 1} of {shown.length}</p> : null}
            {id ? <Detail id={id} item={items.find((item) => item.id === id)} /> : null}
          </div>
        </div>
      )}
    </>
  );
}

function itemsOf(approvals: Approval[], failed: TaskRow[]): Item[] {
  const sorted = [...approvals].sort((a, b) => (a.expires_at ?? "9").localeCompare(b.expires_at ?? "9") || a.created_at.localeCompare(b.created_at));
  return [
    ...sorted.map((approval) => ({ id: approval.id, kind: approval.kind, approval })),
    ...failed.map((task) => ({ id: task.id, kind: "problem" as const, task })),
  ];
}

function Row({ item, current, query }: { item: Item; current: boolean; query: string }) {
  const { approval, task } = item;
  return (
    <Link className="ib-row" to={`/inbox/${item.id}${query}`} aria-current={current} replace>
      <StateGlyph state={approval ? "waiting" : "failed"} />
      <b className="cut">{visible(approval?.title ?? task?.title ?? "")}</b>
      <span className="t">{approval?.expires_at ? <Countdown until={approval.expires_at} /> : approval ? <TimeAgo at={approval.created_at} /> : task?.finished_at ? <TimeAgo at={task.finished_at} /> : null}</span>
      <span className="m2 cut">{approval ? `${approval.agent ?? approval.agent_id} · ${approval.kind === "question" ? "question" : "approval"} · ${approval.task}` : `failed · ${visible(task?.error ?? "no reason given")}`}</span>
    </Link>
  );
}

function Detail({ id, item }: { id: string; item: Item | undefined }) {
  const isTask = id.startsWith("tsk_");
  // One that was settled meanwhile is still shown, with what came of it.
  const settled = useQuery({
    queryKey: ["approvals", "one", id],
    queryFn: () => answer(api.GET("/api/v1/approvals/{approval_id}", { params: { path: { approval_id: id } } })),
    enabled: !isTask,
  });
  const back = <p style={{ marginBottom: 10 }} className="only-small"><Link to="/inbox" className="btn s">All items</Link></p>;
  if (isTask) return <>{back}<Problem id={id} /></>;
  const approval = item?.approval ?? settled.data;
  if (approval) return <>{back}<DecisionCard key={approval.id + approval.digest} approval={settled.data && settled.data.state !== "pending" ? settled.data : approval} full level={2} /></>;
  if (settled.isError) return <ErrorState what="This request could not be loaded" error={settled.error} retry={() => void settled.refetch()} />;
  return <Skeleton rows={5} />;
}
