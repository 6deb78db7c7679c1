/** A long text that was pasted: kept apart from what was written, so that both stay readable. */
export interface Pasted {
  name: string;
  text: string;
}

const MOST_CHARACTERS = 2_000;
const MOST_LINES = 40;

export function linesOf(text: string): number {
  return text.replace(/\n$/, "").split("\n").length;
}

/** Whether a pasted text is put apart. */
export function isLong(text: string): boolean {
  return text.length > MOST_CHARACTERS || linesOf(text) > MOST_LINES;
}

/** Under the next name that is free. */
export function added(all: Pasted[], text: string): Pasted[] {
  const taken = new Set(all.map((one) => one.name));
  let number = 1;
  while (taken.has(`Pasted text ${number}`)) number += 1;
  return [...all, { name: `Pasted text ${number}`, text }];
}

/** What stands in the words where it was pasted. */
export const markOf = (one: Pasted) => `[${one.name}]`;

/** The words with a mark put in between two places. */
export function marked(text: string, one: Pasted, from: number, to: number): string {
  const [before, after] = [text.slice(0, from), text.slice(to)];
  return `${before}${before && !/\s$/.test(before) ? " " : ""}${markOf(one)}${after && !/^\s/.test(after) ? " " : ""}${after}`;
}

/** The words without it, and without its mark. */
export function unmarked(text: string, one: Pasted): string {
  return text.replace(` ${markOf(one)}`, "").replace(markOf(one), "");
}

/** The words with it in the place of its mark, or behind them. */
export function inlined(text: string, one: Pasted): string {
  const mark = markOf(one);
  return text.includes(mark) ? text.split(mark).join(one.text) : `${text}${text ? "\n" : ""}${one.text}`;
}

/** What is sent: the words, and below them each pasted text under its name. */
export function joined(text: string, all: Pasted[]): string {
  return [text.trim(), ...all.map((one) => `--- ${one.name}, ${linesOf(one.text)} lines ---\n${one.text.replace(/\n$/, "")}\n--- end of ${one.name.toLowerCase()} ---`)].filter(Boolean).join("\n\n");
}

/** What was kept, if that is what it is. */
export function readPasted(value: unknown): Pasted[] {
  return Array.isArray(value) ? value.filter((one): one is Pasted => typeof one === "object" && one !== null && typeof (one as Pasted).name === "string" && typeof (one as Pasted).text === "string") : [];
}
