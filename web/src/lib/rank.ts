/** How well words fit a text: 0 exactly, 1 it begins so, 2 one of its words does, 3 they are in it, 4 their letters are, in that order; null: not. */
export function fit(text: string, words: string): number | null {
  const [has, wanted] = [text.toLowerCase(), words.trim().toLowerCase()];
  if (wanted === "") return 3;
  if (has === wanted) return 0;
  if (has.startsWith(wanted)) return 1;
  if (has.split(/[\s/_.-]+/).some((word) => word.startsWith(wanted)) || has.includes(` ${wanted}`)) return 2;
  if (has.includes(wanted)) return 3;
  let at = -1;
  for (const letter of wanted.replaceAll(" ", "")) {
    at = has.indexOf(letter, at + 1);
    if (at < 0) return null;
  }
  return 4;
}

/** What fits, best first; mere letters count only where nothing fits better. */
export function ranked<T extends { label: string }>(all: T[], words: string): T[] {
  const found = all.flatMap((one) => { const how = fit(one.label, words); return how === null ? [] : [{ one, how }]; });
  const good = found.filter(({ how }) => how < 4);
  return (good.length > 0 ? good : found).sort((a, b) => a.how - b.how).map(({ one }) => one);
}
