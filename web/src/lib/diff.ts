/** A unified diff of one file, taken apart for showing. */

export interface Piece {
  text: string;
  marked: boolean;
}
export interface Line {
  kind: "same" | "add" | "del";
  before: number | null;
  after: number | null;
  pieces: Piece[];
}
export interface Hunk {
  header: string;
  lines: Line[];
}

const HEADER = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)$/;
/** Longer lines are not compared word by word. */
const MOST_COMPARED = 2_000;

/** `quiet` leaves out what differs in white space only. */
export function parseDiff(text: string, quiet = false): Hunk[] {
  const hunks: Hunk[] = [];
  let hunk: Hunk | null = null;
  let before = 0;
  let after = 0;
  for (const line of text.split("\n")) {
    const header = HEADER.exec(line);
    if (header) {
      before = Number(header[1]);
      after = Number(header[2]);
      hunk = { header: line, lines: [] };
      hunks.push(hunk);
    } else if (hunk && /^[ +-]/.test(line)) {
      const kind = line[0] === "+" ? "add" : line[0] === "-" ? "del" : "same";
      hunk.lines.push({
        kind,
        before: kind === "add" ? null : before++,
        after: kind === "del" ? null : after++,
        pieces: [{ text: line.slice(1), marked: false }],
      });
    }
  }
  for (const one of hunks) {
    if (quiet) one.lines = withoutSpace(one.lines);
    markWords(one.lines);
  }
  return quiet ? hunks.filter((one) => one.lines.some((line) => line.kind !== "same")) : hunks;
}

/** Lines that were replaced by the same words are shown as they are now, unchanged. */
function withoutSpace(lines: Line[]): Line[] {
  const words = (line: Line) => line.pieces[0]!.text.replace(/\s+/g, "");
  const found: Line[] = [];
  let index = 0;
  while (index < lines.length) {
    const from = index;
    while (lines[index]?.kind === "del") index += 1;
    const middle = index;
    while (lines[index]?.kind === "add") index += 1;
    const old = lines.slice(from, middle);
    const fresh = lines.slice(middle, index);
    if (old.length > 0 && old.length === fresh.length && old.every((line, at) => words(line) === words(fresh[at]!))) {
      found.push(...fresh.map((line, at): Line => ({ ...line, kind: "same", before: old[at]!.before })));
    } else found.push(...old, ...fresh);
    if (index === from) found.push(lines[index++]!);
  }
  return found;
}

/** Marks what differs in lines that were replaced one by one. */
function markWords(lines: Line[]): void {
  let index = 0;
  while (index < lines.length) {
    const from = index;
    while (lines[index]?.kind === "del") index += 1;
    const middle = index;
    while (lines[index]?.kind === "add") index += 1;
    const pairs = middle - from === index - middle ? middle - from : 0;
    for (let pair = 0; pair < pairs; pair += 1) markPair(lines[from + pair]!, lines[middle + pair]!);
    if (index === from) index += 1;
  }
}

function markPair(old: Line, fresh: Line): void {
  const a = old.pieces[0]!.text;
  const b = fresh.pieces[0]!.text;
  if (a.length > MOST_COMPARED || b.length > MOST_COMPARED) return;
  const first = a.match(/\w+|\s+|[^\w\s]/g) ?? [];
  const second = b.match(/\w+|\s+|[^\w\s]/g) ?? [];
  let start = 0;
  while (start < first.length && first[start] === second[start]) start += 1;
  let end = 0;
  while (end < Math.min(first.length, second.length) - start && first.at(-1 - end) === second.at(-1 - end)) end += 1;
  const shared = start + end;
  // Lines that have next to nothing in common are easier to read unmarked.
  if (shared === 0 || shared * 4 < Math.min(first.length, second.length)) return;
  old.pieces = split(first, start, end);
  fresh.pieces = split(second, start, end);
}

function split(words: string[], start: number, end: number): Piece[] {
  return [
    { text: words.slice(0, start).join(""), marked: false },
    { text: words.slice(start, words.length - end).join(""), marked: true },
    { text: words.slice(words.length - end).join(""), marked: false },
  ].filter((piece) => piece.text !== "");
}

export interface Pair {
  left: Line | null;
  right: Line | null;
}

/** Lines side by side. */
export function sideBySide(lines: Line[]): Pair[] {
  const pairs: Pair[] = [];
  let index = 0;
  while (index < lines.length) {
    if (lines[index]!.kind === "same") {
      pairs.push({ left: lines[index]!, right: lines[index]! });
      index += 1;
      continue;
    }
    const gone: Line[] = [];
    const fresh: Line[] = [];
    while (lines[index]?.kind === "del") gone.push(lines[index++]!);
    while (lines[index]?.kind === "add") fresh.push(lines[index++]!);
    for (let row = 0; row < Math.max(gone.length, fresh.length); row += 1) {
      pairs.push({ left: gone[row] ?? null, right: fresh[row] ?? null });
    }
  }
  return pairs;
}
