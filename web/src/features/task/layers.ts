/** A step of the work: a task or an attempt of the one that is looked at. */
export interface Step<T> {
  key: string;
  value: T;
}

export interface Link {
  from: string;
  to: string;
}

export interface Placed<T> extends Step<T> {
  layer: number;
  row: number;
  /** Steps that are alike and stand for each other; one alone otherwise. */
  folded: Step<T>[];
}

export interface Layout<T> {
  steps: Placed<T>[];
  links: Link[];
  layers: number;
  rows: number;
}

/** More steps than this side by side, with the same before and after them, are one stack. */
export const FOLD_OVER = 8;

/** Steps in layers, each behind all that come before it; within a layer near to what they follow. Circles are cut. */
export function layout<T>(given: Step<T>[], all: Link[]): Layout<T> {
  const known = new Set(given.map((step) => step.key));
  const links = all.filter((link) => known.has(link.from) && known.has(link.to) && link.from !== link.to);
  const { steps, stacked } = fold(given, links);
  const kept = new Map<string, Link>();
  for (const { from, to } of links) {
    const link = { from: stacked.get(from) ?? from, to: stacked.get(to) ?? to };
    if (link.from !== link.to) kept.set(`${link.from} ${link.to}`, link);
  }
  const depth = depths(steps.map((step) => step.key), [...kept.values()]);
  const columns: Placed<T>[][] = [];
  for (const step of steps) {
    const layer = depth.get(step.key) ?? 0;
    (columns[layer] ??= []).push({ ...step, layer, row: 0 });
  }
  const placed = new Map<string, Placed<T>>();
  const filled = columns.filter((column) => column.length > 0);
  filled.forEach((column, layer) => {
    const weight = (step: Placed<T>) => {
      const rows = [...kept.values()].filter((link) => link.to === step.key).map((link) => placed.get(link.from)?.row ?? 0);
      return rows.length > 0 ? rows.reduce((sum, row) => sum + row, 0) / rows.length : 0;
    };
    column.map((step) => ({ step, at: weight(step) })).sort((a, b) => a.at - b.at).forEach(({ step }, row) => placed.set(step.key, Object.assign(step, { layer, row })));
  });
  return { steps: [...placed.values()], links: [...kept.values()], layers: filled.length, rows: Math.max(...filled.map((column) => column.length), 0) };
}

function fold<T>(given: Step<T>[], links: Link[]) {
  const groups = new Map<string, Step<T>[]>();
  for (const step of given) {
    const before = links.filter((link) => link.to === step.key).map((link) => link.from).sort();
    const after = links.filter((link) => link.from === step.key).map((link) => link.to).sort();
    const alike = before.length + after.length === 0 ? step.key : `${before.join()} > ${after.join()}`;
    groups.set(alike, [...(groups.get(alike) ?? []), step]);
  }
  const stacked = new Map<string, string>();
  const steps: (Step<T> & { folded: Step<T>[] })[] = [];
  for (const group of groups.values()) {
    if (group.length <= FOLD_OVER) steps.push(...group.map((step) => ({ ...step, folded: [] })));
    else {
      steps.push({ ...group[0]!, folded: group });
      for (const step of group) stacked.set(step.key, group[0]!.key);
    }
  }
  return { steps, stacked };
}

/** How many steps are before each at the most. */
function depths(keys: string[], links: Link[]): Map<string, number> {
  const depth = new Map(keys.map((key) => [key, 0]));
  for (let round = 0; round < keys.length; round += 1) {
    let moved = false;
    for (const { from, to } of links) {
      const wanted = depth.get(from)! + 1;
      if (depth.get(to)! < wanted && wanted < keys.length) {
        depth.set(to, wanted);
        moved = true;
      }
    }
    if (!moved) break;
  }
  return depth;
}

/** Where an arrow key leads: along the links to the right and left, within the layer up and down. */
export function neighbour<T>({ steps, links }: Layout<T>, key: string, arrow: string): string | null {
  const here = steps.find((step) => step.key === key);
  if (!here) return null;
  const at = new Map(steps.map((step) => [step.key, step]));
  const nearest = (found: (Placed<T> | undefined)[]) =>
    found.filter((step) => step !== undefined).sort((a, b) => Math.abs(a.layer - here.layer) - Math.abs(b.layer - here.layer) || Math.abs(a.row - here.row) - Math.abs(b.row - here.row))[0]?.key ?? null;
  switch (arrow) {
    case "ArrowRight":
      return nearest(links.filter((link) => link.from === key).map((link) => at.get(link.to)));
    case "ArrowLeft":
      return nearest(links.filter((link) => link.to === key).map((link) => at.get(link.from)));
    case "ArrowDown":
    case "ArrowUp":
      return steps.find((step) => step.layer === here.layer && step.row === here.row + (arrow === "ArrowDown" ? 1 : -1))?.key ?? null;
    default:
      return null;
  }
}
