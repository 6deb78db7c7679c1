/** A line of a log file of an attempt; `at` and what is behind it only of those that are JSON. */
export interface FileLine {
  number: number;
  text: string;
  at: string | null;
  /** Which tool, or which kind of entry. */
  label: string;
  title: string;
  bad: boolean;
  json: object | null;
}

function word(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function jsonLine(text: string, number: number): FileLine {
  try {
    const value = JSON.parse(text) as Record<string, unknown>;
    const label = word(value.name) || word(value.kind);
    const title = word(value.command) || word(value.title) || word(value.text) || word(value.message) || word(value.model) || word(value.session);
    const bad = value.status === "failed" || value.ok === false || value.kind === "error";
    return { number, text, at: word(value.at) || null, label, title: title.split("\n")[0] ?? "", bad, json: value };
  } catch {
    return { number, text, at: null, label: "", title: text, bad: false, json: null };
  }
}

export function linesOf(text: string, json: boolean): FileLine[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line, index) => (json ? jsonLine(line, index + 1) : { number: index + 1, text: line, at: null, label: "", title: line, bad: false, json: null }));
}

export interface LineFilter {
  words: string;
  label: string;
  bad: boolean;
}

export function filterLines(lines: FileLine[], { words, label, bad }: LineFilter): FileLine[] {
  const wanted = words.toLowerCase();
  return lines.filter((line) => (!bad || line.bad) && (label === "" || line.label === label) && (wanted === "" || line.text.toLowerCase().includes(wanted)));
}

/** The tools or kinds there are, the most frequent first. */
export function labelsOf(lines: FileLine[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const { label } of lines) if (label) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}

/** Files that a tool call names. */
export function pathsOf({ json }: FileLine): string[] {
  const paths = json && "paths" in json ? json.paths : null;
  return Array.isArray(paths) ? paths.filter((path): path is string => typeof path === "string") : [];
}
