import { Pause, Play } from "lucide-react";
import type { Attempt } from "@/api/types";
import { useAction } from "@/lib/actions";
import { useKeys } from "@/lib/keys";
import { useOnline } from "@/live/live";
import { useWords } from "./useWords";

/** Lets the agent of an attempt stand still where it is, or go on. `p` does the same. */
export function PauseButton({ task, attempt }: { task: string; attempt: Attempt | null }) {
  const words = useWords(task);
  const online = useOnline();
  const able = attempt !== null && attempt.state === "running" && attempt.run !== null;
  const paused = attempt?.paused === true;
  const told = () => { if (able && online && !words.isPending) words.mutate({ kind: paused ? "resume" : "pause" }); };
  useKeys({ p: told });
  useAction(able ? { key: "pause", label: paused ? "Resume the agent" : "Pause the agent", note: "p", run: told } : null);
  if (!able) return null;
  return (
    <button type="button" className="btn" title={`${paused ? "Its processes go on where they are" : "Its processes stand still where they are, its time limit too"} (p)`} disabled={words.isPending || !online} onClick={told}>
      {paused ? <Play size={14} /> : <Pause size={14} />}{paused ? "Resume" : "Pause"}
    </button>
  );
}
