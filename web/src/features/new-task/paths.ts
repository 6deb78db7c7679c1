import type { Folder, Listing, UsedFolder } from "./queries";

export interface Choice {
  key: string;
  path: string;
  used: UsedFolder | null;
  folder: Folder | null;
}

/** The folder that what is typed is in, and the letters behind it. */
export function split(text: string): [string, string] {
  const at = text.lastIndexOf("/");
  return at < 0 ? ["", text] : [text.slice(0, at) || "/", text.slice(at + 1)];
}

export function plain(text: string): string {
  const path = text.trim();
  return path.length > 1 ? path.replace(/\/+$/, "") || "/" : path;
}

export function isBelow(path: string, roots: string[]): boolean {
  return roots.some((root) => path === root || path.startsWith(root === "/" ? "/" : `${root}/`));
}

/** What fits the typed text: folders used before, then those of the folder it is in. `typed`: since the list was opened. */
export function choicesOf(text: string, typed: boolean, used: UsedFolder[], listing: Listing | undefined): Choice[] {
  const words = typed ? plain(text).toLowerCase() : "";
  const before = used.filter((one) => one.path.toLowerCase().includes(words)).map((one) => ({ key: `used:${one.path}`, path: one.path, used: one, folder: null }));
  const [parent, rest] = split(text);
  const start = typed && listing && parent === listing.here.path ? rest.toLowerCase() : "";
  const there = (listing?.folders ?? []).filter((one) => one.name.toLowerCase().includes(start)).map((one) => ({ key: `in:${one.path}`, path: one.path, used: null, folder: one }));
  return [...before, ...there];
}

/** The parts of a path from its root on, each with where it leads. */
export function crumbs(path: string, root: string): [string, string][] {
  const found: [string, string][] = [[root, root]];
  let at = root === "/" ? "" : root;
  for (const part of path.slice(root.length).split("/").filter(Boolean)) {
    at = `${at}/${part}`;
    found.push([part, at]);
  }
  return found;
}

export function standing(folder: { repository: boolean | null; branch: string | null; dirty: number | null }): string {
  if (!folder.repository) return folder.repository === null ? "" : "no repository";
  return [folder.branch ?? "no branch", folder.dirty === null ? "" : folder.dirty === 0 ? "clean" : `${folder.dirty} changed`].filter(Boolean).join(", ");
}
