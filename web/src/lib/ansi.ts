/** Colours that programs write into their output (SGR); everything else that a terminal would obey is left out. */

export interface Run {
  text: string;
  style: string;
}

// eslint-disable-next-line no-control-regex
const ESCAPES = /\u001b\[([0-9;:?]*)([@-~])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[@-_]|[\u0000-\u0008\u000b-\u001f\u007f]/g;
const COLOURS: Record<number, string> = {
  31: "var(--st-failed)", 32: "var(--st-succeeded)", 33: "var(--st-waiting)", 34: "var(--st-running)", 35: "var(--st-stale)", 36: "var(--st-running)", 90: "var(--fg-3)",
  91: "var(--st-failed)", 92: "var(--st-succeeded)", 93: "var(--st-waiting)", 94: "var(--st-running)", 95: "var(--st-stale)", 96: "var(--st-running)",
};
/** What is shown of one line; the rest is in the log file. */
const LONGEST = 10_000;

export function parseAnsi(line: string): Run[] {
  const cut = line.length > LONGEST;
  const text = cut ? line.slice(0, LONGEST) : line;
  const runs: Run[] = [];
  let style = "";
  let at = 0;
  const take = (to: number) => {
    if (to > at) runs.push({ text: text.slice(at, to), style });
  };
  for (const found of text.matchAll(ESCAPES)) {
    take(found.index);
    at = found.index + found[0].length;
    if (found[2] === "m") style = styled(style, found[1] ?? "");
  }
  take(text.length);
  if (cut) runs.push({ text: ` … ${line.length - LONGEST} more characters`, style: "var(--fg-3)" });
  return runs;
}

function styled(before: string, codes: string): string {
  let style = before;
  for (const code of codes.split(";").map(Number)) {
    if (code === 0 || code === 39) style = "";
    else style = COLOURS[code] ?? style;
  }
  return style;
}

export function plain(line: string): string {
  return line.replace(ESCAPES, "");
}
