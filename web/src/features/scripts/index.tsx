import { useQuery } from "@tanstack/react-query";
import { RefreshCw, ScrollText, Search } from "lucide-react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { answer, api } from "@/api/client";
import type { Script } from "@/api/types";
import { PageHeading, usePageTitle } from "@/components/Page";
import { StateGlyph } from "@/components/StateGlyph";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { useAct } from "@/components/useAct";
import { cx } from "@/lib/cx";
import { duration, plural, shortPath } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { useOnline } from "@/live/live";
import { ScriptPage } from "./ScriptPage";

/** Scripts that describe themselves, and running them. */
export function Component() {
  const { name } = useParams();
  const go = useNavigate();
  const online = useOnline();
  const [search, setSearch] = useSearchParams();
  const words = search.get("q") ?? "";
  const list = useQuery({ queryKey: ["scripts"], queryFn: () => answer(api.GET("/api/v1/scripts")) });
  const reload = useAct(() => answer(api.POST("/api/v1/scripts/reload")), {
    failed: "Not read", said: (read) => `${plural(read.count, "script")} read${read.problems.length > 0 ? `, ${plural(read.problems.length, "problem")}` : ""}`,
  });
  usePageTitle("Scripts");
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = (list.data?.items ?? []).filter((one) => wanted.every((word) => `${one.name} ${one.description} ${one.tags.join(" ")}`.toLowerCase().includes(word)));
  const chosen = list.data?.items.find((one) => one.name === name);
  const step = (by: number) => {
    const at = rows.findIndex((one) => one.name === name);
    const next = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
    if (next) void go({ pathname: `/scripts/${encodeURIComponent(next.name)}`, search: search.toString() }, { replace: true });
  };
  useKeys({ j: () => step(1), k: () => step(-1), "/": () => document.querySelector<HTMLElement>("#script-search")?.focus() });
  const again = <button type="button" className="btn" disabled={!online || reload.isPending} onClick={() => reload.mutate()}><RefreshCw size={13} />Read the folders again</button>;
  const problems = list.data?.problems ?? [];
  return (
    <>
      <div className="ph">
        <div><PageHeading>{list.data ? plural(list.data.items.length, "script") : "Scripts"}</PageHeading><p>Files with a header that says what they do and what they take.</p></div>
        <div className="r">{again}</div>
      </div>
      {problems.length > 0 ? (
        <section className="card pl-problems" aria-label="Problems"><h2>{plural(problems.length, "problem")} in script files</h2>
          <ul>{problems.map((one) => <li key={`${one.path}:${one.line}:${one.message}`}><StateGlyph state="failed" size={12} label="" /><span className="mono" title={one.path}>{shortPath(one.path)}{one.line > 0 ? `:${one.line}` : ""}</span><span>{one.message}</span></li>)}</ul>
        </section>
      ) : null}
      {list.isError && !list.data ? <ErrorState what="The scripts could not be loaded" error={list.error} retry={() => void list.refetch()} />
        : !list.data ? <Skeleton rows={6} height={52} />
        : list.data.items.length === 0 ? <EmptyState title="No scripts yet" action={again}>Put a script with a comment header into a scripts folder; muster lists it here with a form for its inputs.</EmptyState>
        : (
          <>
            <div className="fbar"><div style={{ position: "relative", display: "flex", alignItems: "center" }}>
              <Search size={13} style={{ position: "absolute", left: 9, color: "var(--fg-3)" }} aria-hidden="true" />
              <input id="script-search" className="inp" style={{ paddingLeft: 28 }} type="search" placeholder="Name, words, tags" aria-label="Search scripts" value={words} onChange={(event) => setSearch(event.target.value ? { q: event.target.value } : {}, { replace: true, flushSync: true })} />
            </div></div>
            {rows.length === 0 ? <EmptyState title="No scripts match" action={<button type="button" className="btn" onClick={() => setSearch({})}>Clear the search</button>}>Words: {words}</EmptyState> : (
              <div className={cx("pl-split", name && "picked")}>
                <nav className="ib-list card" aria-label="Scripts">{rows.map((one) => <Row key={one.name} script={one} current={one.name === name} search={search.toString()} />)}</nav>
                <div className="pl-detail">
                  {name && !chosen ? <EmptyState title="There is no such script" action={<Link className="btn p" to="/scripts">All scripts</Link>}>Nothing is called {name}. Its file may have gone, or the folders have to be read again.</EmptyState>
                    : chosen ? <ScriptPage key={chosen.name} script={chosen} />
                    : <EmptyState title="Choose a script">Its inputs, its runs and a form to run it are shown here.</EmptyState>}
                </div>
              </div>
            )}
          </>
        )}
    </>
  );
}

function Row({ script, current, search }: { script: Script; current: boolean; search: string }) {
  return (
    <Link className="ib-row" to={{ pathname: `/scripts/${encodeURIComponent(script.name)}`, search }} aria-current={current} replace>
      <ScrollText size={13} aria-hidden="true" className="mut" />
      <b className="cut">{script.name}</b>
      <span className="t">{script.timeout_seconds ? duration(script.timeout_seconds) : ""}</span>
      <span className="m2 cut">{script.description || "No description"}</span>
    </Link>
  );
}
