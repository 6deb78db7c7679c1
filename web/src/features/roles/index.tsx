import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus, Search } from "lucide-react";
import { useState } from "react";
import { Link, useNavigate, useParams, useSearchParams } from "react-router";
import { answer, api } from "@/api/client";
import { roles } from "@/api/queries";
import type { Role } from "@/api/types";
import { PageHeading, usePageTitle } from "@/components/Page";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";
import { say, sayFailed } from "@/components/toasts";
import { plural } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { EMPTY, fieldsOf } from "./draft";
import { Editor } from "./Editor";
import { Gone } from "./Gone";
import { NameDialog } from "./NameDialog";
import { BY } from "./queries";

export function Component() {
  const { name } = useParams();
  const { data, error, refetch } = useQuery(roles);
  usePageTitle("Roles");
  if (error && !data) return <ErrorState page what="The roles could not be loaded" error={error} retry={() => void refetch()} />;
  if (!data) return <><PageHeading className="sr">Roles</PageHeading><div style={{ padding: 20 }}><Skeleton rows={8} /></div></>;
  if (name === undefined) return <List roles={data.items} />;
  const role = data.items.find((one) => one.name === name);
  if (!role) return <Gone key={name} name={name} />;
  return <Editor key={role.name} role={role} names={data.items.map((one) => one.name)} />;
}

function List({ roles: all }: { roles: Role[] }) {
  const go = useNavigate();
  const queries = useQueryClient();
  const [search, setSearch] = useSearchParams();
  const [chosen, setChosen] = useState(-1);
  const words = search.get("q") ?? "";
  const shown = all.filter((role) => words.toLowerCase().split(/\s+/).every((word) => [role.name, role.kind, role.description, role.agent ?? "", role.model ?? ""].join(" ").toLowerCase().includes(word)));
  const set = (key: string, value: string) => setSearch((before) => { const after = new URLSearchParams(before); if (value) after.set(key, value); else after.delete(key); return after; }, { replace: key === "q", flushSync: key === "q" });
  const open = (role: Role) => void go(`/agents/roles/${encodeURIComponent(role.name)}`);
  const make = useMutation({
    mutationFn: (name: string) => answer(api.PUT("/api/v1/roles/{name}", { params: { path: { name } }, body: { ...fieldsOf(EMPTY), by: BY, if_version: 0 } })),
    onSuccess: (made) => { queries.setQueryData(["roles"], { items: [...all, made], next_cursor: null }); say(`${made.name} is there; say what it is`); open(made); },
    onError: (error) => sayFailed("Not made", error), onSettled: () => void queries.invalidateQueries({ queryKey: ["roles"] }),
  });
  const step = (by: number) => {
    const next = Math.min(Math.max(chosen + by, 0), shown.length - 1);
    setChosen(next);
    const name = shown[next]?.name;
    if (name) document.querySelector<HTMLElement>(`[data-row="${CSS.escape(name)}"]`)?.focus();
  };
  useKeys({ j: () => step(1), k: () => step(-1), ArrowDown: () => step(1), ArrowUp: () => step(-1), "/": () => document.querySelector<HTMLElement>("#role-search")?.focus() });
  return (
    <>
      <div className="ph">
        <div><PageHeading>{plural(all.length, "role")}</PageHeading><p>Who an agent is to be for a task: its prompts, and what goes with them.</p></div>
        <div className="r"><Link className="btn" to="/agents">Agents</Link><button type="button" className="btn p" onClick={() => set("new", "role")}><Plus size={13} />New role</button></div>
      </div>
      <div className="fbar">
        <div style={{ position: "relative", display: "flex", alignItems: "center" }}>
          <Search size={13} style={{ position: "absolute", left: 9, color: "var(--fg-3)" }} aria-hidden="true" />
          <input id="role-search" className="inp" style={{ paddingLeft: 28 }} type="search" placeholder="Words of roles" aria-label="Search roles" value={words} onChange={(event) => set("q", event.target.value)} />
        </div>
      </div>
      {all.length === 0 ? <EmptyState title="No roles yet" action={<button type="button" className="btn p" onClick={() => set("new", "role")}>New role</button>}>A role is a way of working under a name; tasks name it.</EmptyState>
        : shown.length === 0 ? <EmptyState title="No roles match" action={<button type="button" className="btn" onClick={() => set("q", "")}>Clear the filter</button>}>Words: {words}</EmptyState> : (
          <div className="tblw card">
            <table className="tbl two" aria-label="Roles">
              <colgroup><col style={{ width: "20%" }} /><col /><col className="low1" style={{ width: "13%" }} /><col className="low2" style={{ width: "13%" }} /><col className="low2" style={{ width: 110 }} /><col style={{ width: 100 }} /></colgroup>
              <thead><tr><th scope="col">Role</th><th scope="col">What it is for</th><th scope="col" className="low1">Agent</th><th scope="col" className="low2">Model</th><th scope="col" className="low2">Permissions</th><th scope="col" className="r">Kind</th></tr></thead>
              <tbody>
                {shown.map((role) => (
                  <tr key={role.name} className="row" tabIndex={0} data-row={role.name} onClick={() => open(role)} onKeyDown={(event) => event.key === "Enter" && open(role)}>
                    <td className="main-cell"><div className="ag"><b className="cut">{role.name}</b>{role.built_in ? <span>comes with muster</span> : null}</div></td>
                    <td className="second">{role.description || <span className="mut">—</span>}</td>
                    <td className="sub low1">{role.agent ?? <span className="mut">any</span>}</td>
                    <td className="sub low2">{role.model ?? <span className="mut">—</span>}</td>
                    <td className="sub low2">{role.permissions ?? <span className="mut">—</span>}</td>
                    <td className="r sub fact">{role.kind}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      {search.get("new") === "role" ? <NameDialog title="New role" action="Make role" taken={all.map((role) => role.name)} busy={make.isPending} onClose={() => set("new", "")} onName={(name) => make.mutate(name)}>It begins empty. To begin with another one's prompts, open that and clone it.</NameDialog> : null}
    </>
  );
}
