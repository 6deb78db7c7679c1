/** Files of one folder. */
export interface Folder<T> {
  /** Its path; empty: the root. */
  path: string;
  files: T[];
}

/** Files by the folders they are in, in the order in which these come first. */
export function foldersOf<T extends { path: string }>(files: T[]): Folder<T>[] {
  const found = new Map<string, Folder<T>>();
  for (const file of files) {
    const path = file.path.slice(0, Math.max(file.path.lastIndexOf("/"), 0));
    const folder = found.get(path) ?? { path, files: [] };
    folder.files.push(file);
    found.set(path, folder);
  }
  return [...found.values()];
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
