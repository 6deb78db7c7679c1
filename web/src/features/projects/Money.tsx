import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "react-router";
import { answer, api } from "@/api/client";
import type { LedgerEntry, Project } from "@/api/types";
import { AgentName } from "@/components/AgentName";
import { Dialog } from "@/components/Dialog";
import { Field, Text } from "@/components/fields";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { TimeAgo } from "@/components/TimeAgo";
import { useAct } from "@/components/useAct";
import { cost, shortId } from "@/lib/format";
import { useOnline } from "@/live/live";
import { Capital } from "./Capital";
import { ledger } from "./queries";

const WORDS: Record<LedgerEntry["kind"], string> = { allocated: "Given", reserved: "Reserved", settled: "Spent", released: "Released" };

/** The ledger of a project, and giving it money. */
export function Money({ project }: { project: Project }) {
  const online = useOnline();
  const [giving, setGiving] = useState(false);
  const list = useInfiniteQuery(ledger(project.id));
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <div className="pl-money">
        <Capital project={project} />
        <button type="button" className="btn p" disabled={!online} onClick={() => setGiving(true)}>{project.allocated_usd === null ? "Set a limit…" : "Change its capital…"}</button>
      </div>
      {list.isError && !list.data ? <ErrorState what="The ledger could not be loaded" error={list.error} retry={() => void list.refetch()} />
        : !list.data ? <Skeleton rows={6} />
        : rows.length === 0 ? <EmptyState title="No money has moved yet">What is given, reserved for a task, spent and released is written here.</EmptyState>
        : <>
            <div className="tblw card"><Table rows={rows} limited={project.allocated_usd !== null} /></div>
            {list.hasNextPage ? <p className="note"><button type="button" className="btn" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>Show more</button></p> : null}
          </>}
      {giving ? <Give project={project} onClose={() => setGiving(false)} /> : null}
    </>
  );
}

function Table({ rows, limited }: { rows: LedgerEntry[]; limited: boolean }) {
  return (
    <table className="tbl two" aria-label="Ledger">
      <colgroup><col style={{ width: 110 }} /><col /><col style={{ width: 110 }} /><col className="low1" style={{ width: 110 }} /><col className="low1" style={{ width: 110 }} /><col className="low1" style={{ width: 128 }} /></colgroup>
      <thead><tr><th scope="col">What</th><th scope="col">For</th><th scope="col" className="r">Amount</th><th scope="col" className="r low1">{limited ? "Left" : "Reserved"}</th><th scope="col" className="r low1">Spent in all</th><th scope="col" className="r low1">When</th></tr></thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.seq} className="row still">
            <td className="main-cell">{row.kind === "allocated" && row.amount_usd < 0 ? "Taken back" : WORDS[row.kind]}</td>
            <td className="second sub">{row.task_id ? <Link to={`/tasks/${row.task_id}`} className="mono">{shortId(row.task_id)}</Link> : null}{row.agent_id ? <span className="mut"> <AgentName id={row.agent_id} /></span> : null}{row.note ? ` ${row.note}` : !row.task_id ? <span className="mut">—</span> : null}</td>
            <td className="r num fact">{cost(row.amount_usd)}</td>
            <td className="r num sub low1">{cost(limited ? row.balance_usd : row.reserved_usd)}</td>
            <td className="r num sub low1">{cost(row.spent_usd)}</td>
            <td className="r num sub low1"><TimeAgo at={row.at} /></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Give({ project, onClose }: { project: Project; onClose: () => void }) {
  const online = useOnline();
  const first = project.allocated_usd === null;
  const [back, setBack] = useState(false);
  const [amount, setAmount] = useState("");
  const [note, setNote] = useState("");
  const size = Number(amount);
  const value = back ? -size : size;
  const bad = amount && (!Number.isFinite(size) || size <= 0 || size > 1_000_000) ? "An amount in dollars above 0." : "";
  const give = useAct(
    () => answer(api.POST("/api/v1/projects/{project}/allocate", { params: { path: { project: project.id } }, body: { amount_usd: value, note } })),
    { failed: "Not changed", said: (made) => `${project.name} has ${cost(made.allocated_usd ?? 0)} now`, then: onClose },
  );
  return (
    <Dialog title={`Capital of ${project.name}`} onClose={onClose}>
      <form className="pl-form" noValidate onSubmit={(event) => { event.preventDefault(); if (amount && !bad && online) give.mutate(); }}>
        <p className="sub">{first ? "It may spend without a limit now; this becomes its limit." : `It has ${cost(project.allocated_usd)}, of which ${cost(project.spent_usd)} are spent and ${cost(project.reserved_usd)} reserved.`}</p>
        {first ? null : (
          <div className="seg" role="radiogroup" aria-label="Direction" style={{ alignSelf: "flex-start" }}>
            {([[false, "Add"], [true, "Take back"]] as const).map(([way, label]) => <button key={label} type="button" role="radio" aria-checked={back === way} onClick={() => setBack(way)}>{label}</button>)}
          </div>
        )}
        <Field id="give-amount" label="Dollars" problem={bad} hint={back ? "What is spent or reserved cannot be taken back." : undefined}><Text id="give-amount" value={amount} onChange={setAmount} bad={bad} placeholder="10" /></Field>
        <Field id="give-note" label="Note"><Text id="give-note" value={note} onChange={setNote} placeholder="second week" /></Field>
        <div className="b">
          <button type="button" className="btn" onClick={onClose}>Cancel</button>
          <button type="submit" className="btn p" disabled={!amount || !!bad || give.isPending || !online}>{first ? "Set the limit" : `${back ? "Take back" : "Add"}${amount && !bad ? ` ${cost(size)}` : ""}`}</button>
        </div>
      </form>
    </Dialog>
  );
}
