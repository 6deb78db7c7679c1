import { useKept } from "@/lib/kept";

const MOST = 20;
const NONE: [string, string[]][] = [];

function read(value: unknown): [string, string[]][] | null {
  return Array.isArray(value) && value.every((one) => Array.isArray(one) && typeof one[0] === "string" && Array.isArray(one[1])) ? (value as [string, string[]][]) : null;
}

/** Which files of some work were looked at; kept in this browser for the last twenty works. */
export function useViewed(work: string): [ReadonlySet<string>, (path: string) => void] {
  const [kept, keep] = useKept("viewed", NONE, read);
  const viewed = new Set(kept.find(([name]) => name === work)?.[1]);
  const toggle = (path: string) => {
    const after = new Set(viewed);
    if (!after.delete(path)) after.add(path);
    keep([...kept.filter(([name]) => name !== work), [work, [...after]] as [string, string[]]].slice(-MOST));
  };
  return [viewed, toggle];
}
