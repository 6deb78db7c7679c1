import { useEffect, useMemo, useState } from "react";
import type { Hunk, Line } from "./diff";

/** A piece of a line and what it is: k keyword, s text, n value, c comment, or nothing. */
export interface Run {
  text: string;
  kind: string;
}
export interface Question {
  id: number;
  language: string;
  texts: string[];
}
export interface Answer {
  id: number;
  lines: Run[][][];
}

/** More changed lines than this, or longer ones, are shown without colours. */
const MOST_LINES = 3_000;
const LONGEST = 1_000;
const LANGUAGES: Record<string, string> = {
  sh: "bash", bash: "bash", zsh: "bash", css: "css", scss: "css", diff: "diff", patch: "diff", go: "go", ini: "ini", cfg: "ini", conf: "ini", java: "java", kt: "java", json: "json", jsonl: "json", webmanifest: "json",
  js: "jsx", jsx: "jsx", mjs: "jsx", cjs: "jsx", md: "markdown", html: "markup", xml: "markup", svg: "markup", vue: "markup", py: "python", pyi: "python", rb: "ruby", rs: "rust", sql: "sql", toml: "toml", lock: "toml", ts: "tsx", tsx: "tsx", mts: "tsx", yml: "yaml", yaml: "yaml",
};

/** The language of a file by its name; null: none that is known. */
export function languageOf(path: string): string | null {
  const name = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  if (name === "dockerfile" || name === "makefile") return "bash";
  return LANGUAGES[name.slice(name.lastIndexOf(".") + 1)] ?? null;
}

let worker: Worker | null = null;
let next = 1;
const waiting = new Map<number, (lines: Run[][][]) => void>();

function ask(language: string, texts: string[]): { id: number; lines: Promise<Run[][][]> } {
  worker ??= new Worker(new URL("./highlight.worker.ts", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<Answer>) => {
    waiting.get(data.id)?.(data.lines);
    waiting.delete(data.id);
  };
  const id = next++;
  const lines = new Promise<Run[][][]>((done) => waiting.set(id, done));
  worker.postMessage({ id, language, texts } satisfies Question);
  return { id, lines };
}

const textOf = (line: Line) => line.pieces.map((piece) => piece.text).join("");

/** Both sides of each hunk as texts: before, after, before, after. */
export function sidesOf(hunks: Hunk[]): string[] {
  return hunks.flatMap(({ lines }) => ["add", "del"].map((other) => lines.filter((line) => line.kind !== other).map(textOf).join("\n")));
}

/** Which runs belong to which line; lines whose text is not what was asked are left plain. */
export function runsByLine(hunks: Hunk[], sides: Run[][][]): Map<Line, Run[]> {
  const found = new Map<Line, Run[]>();
  hunks.forEach(({ lines }, index) => {
    for (const [side, other] of ["add", "del"].entries()) {
      const runs = sides[index * 2 + side] ?? [];
      lines.filter((line) => line.kind !== other).forEach((line, at) => {
        const these = runs[at];
        if (these && these.map((run) => run.text).join("") === textOf(line)) found.set(line, these);
      });
    }
  });
  return found;
}

/** The colours of a diff's lines, once they are known. */
export function useHighlight(hunks: Hunk[], path: string | undefined): Map<Line, Run[]> | null {
  const language = path === undefined ? null : languageOf(path);
  const able = useMemo(() => {
    const lines = hunks.flatMap((hunk) => hunk.lines);
    return language !== null && lines.length > 0 && lines.length <= MOST_LINES && lines.every((line) => textOf(line).length <= LONGEST);
  }, [hunks, language]);
  const [found, setFound] = useState<{ hunks: Hunk[]; runs: Map<Line, Run[]> } | null>(null);
  useEffect(() => {
    if (!able || language === null) return;
    let wanted = true;
    const { id, lines } = ask(language, sidesOf(hunks));
    void lines.then((sides) => wanted && setFound({ hunks, runs: runsByLine(hunks, sides) }));
    return () => {
      wanted = false;
      waiting.delete(id);
    };
  }, [able, hunks, language]);
  return found?.hunks === hunks ? found.runs : null;
}

export interface Part extends Run {
  marked: boolean;
}

/** Words that changed and colours together, cut wherever either begins or ends. */
export function partsOf(line: Line, runs: Run[] | undefined): Part[] {
  if (!runs) return line.pieces.map((piece) => ({ ...piece, kind: "" }));
  const parts: Part[] = [];
  let run = 0;
  let used = 0;
  for (const piece of line.pieces) {
    let left = piece.text;
    while (left && runs[run]) {
      const text = runs[run]!.text.slice(used, used + left.length);
      parts.push({ text, kind: runs[run]!.kind, marked: piece.marked });
      left = left.slice(text.length);
      used += text.length;
      if (used === runs[run]!.text.length) {
        run += 1;
        used = 0;
      }
    }
  }
  return parts;
}
