/** To the next or previous hunk from the line in focus, else from what is in sight; false: there is none that is shown. */
export function stepHunk(by: 1 | -1): boolean {
  const hunks = [...document.querySelectorAll<HTMLElement>(".dfile tr.hunk:not(.tail)")];
  const line = document.activeElement?.closest("tr[data-row]");
  const before = (hunk: HTMLElement) => (line ? (hunk.compareDocumentPosition(line) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0 : hunk.getBoundingClientRect().top < 60);
  const at = hunks.filter(before).length - 1;
  const target = hunks[at + by];
  const row = target?.nextElementSibling;
  if (!(row instanceof HTMLElement)) return false;
  const changed = firstChanged(row);
  changed.focus({ preventScroll: true });
  changed.scrollIntoView({ block: "center" });
  return true;
}

function firstChanged(row: HTMLElement): HTMLElement {
  for (let at: Element | null = row; at && !at.classList.contains("hunk"); at = at.nextElementSibling) {
    if (at instanceof HTMLElement && at.querySelector("td.a, td.d")) return at;
  }
  return row;
}
