import type { Attempt, Task } from "@/api/types";
import { LogView } from "@/components/LogView";
import { Skeleton } from "@/components/States";
import { useOutput } from "@/live/tail";

/** What a script prints, or why there is nothing. */
export default function Printed({ task, attempt, follow, onFollow }: { task: Task; attempt: Attempt | null; follow: boolean; onFollow: (follow: boolean) => void }) {
  const output = useOutput(task.id, attempt?.number ?? 0);
  if (output.loading) return <Skeleton rows={5} height={19} />;
  if (output.items.length === 0) {
    const why = output.error ? "The output could not be loaded; it is asked for again." : attempt === null ? "Nothing yet: it has not been started." : output.finished ? "It printed nothing." : "Nothing printed so far.";
    return <p className="pr">{why}</p>;
  }
  return <LogView lines={output.items} height={Math.min(Math.max(output.items.length, 3) * 19 + 18, 320)} follow={follow} onFollow={onFollow} label="Output" />;
}
