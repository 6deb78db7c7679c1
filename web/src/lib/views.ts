/** Filters of a list under a name. */
export interface View {
  name: string;
  query: string;
}

/** What an address is about, in one spelling: a panel or an opened entry is no part of a view. */
export function queryOf(search: URLSearchParams): string {
  const kept = new URLSearchParams(search);
  for (const name of ["peek", "open"]) kept.delete(name);
  kept.sort();
  return kept.toString();
}

export function readViews(value: unknown): View[] | null {
  if (!Array.isArray(value)) return null;
  const views = value.filter((one): one is View => typeof one?.name === "string" && one.name !== "" && typeof one.query === "string");
  return views.map(({ name, query }) => ({ name: name.slice(0, 40), query: queryOf(new URLSearchParams(query)) })).slice(0, 20);
}
