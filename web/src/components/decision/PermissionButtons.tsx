import { ChevronDown } from "lucide-react";
import { useEffect, useState } from "react";
import type { Approval, ApprovalAnswer } from "@/api/types";
import { Menu } from "../Menu";
import { useAnswer } from "./useAnswer";

const CONFIRM_MS = 4_000;

/** Allow (pressed twice), reject with a reason; beyond once only for exactly this. */
export function PermissionButtons({ approval, small = false }: { approval: Approval; small?: boolean }) {
  const { mutate, isPending } = useAnswer(approval);
  const [step, setStep] = useState<"choose" | "confirm" | "reject">("choose");
  const [reason, setReason] = useState("");
  const size = small ? " s" : "";
  useEffect(() => {
    if (step !== "confirm") return;
    const timer = setTimeout(() => setStep("choose"), CONFIRM_MS);
    return () => clearTimeout(timer);
  }, [step]);
  const allow = (scope: ApprovalAnswer["scope"]) => mutate({ verdict: "allow", scope });
  if (step === "reject") {
    return (
      <form className="b" onSubmit={(event) => { event.preventDefault(); mutate({ verdict: "deny", text: reason.trim() }); }}>
        <input className="inp grow" aria-label="Why not" placeholder="Why not? The agent reads this." value={reason} onChange={(event) => setReason(event.target.value)} required autoFocus onKeyDown={(event) => event.key === "Escape" && setStep("choose")} />
        <button type="submit" className={`btn${size}`} disabled={isPending || !reason.trim()}>Reject</button>
        <button type="button" className={`btn g${size}`} onClick={() => setStep("choose")}>Back</button>
      </form>
    );
  }
  return (
    <div className="b">
      <button type="button" className={`btn p${size}${small ? "" : " grow"}`} disabled={isPending} onClick={() => (step === "confirm" ? allow("once") : setStep("confirm"))}>
        {step === "confirm" ? "Confirm: allow once" : "Allow"}
      </button>
      {small ? null : (
        <Menu
          trigger={<button type="button" className="btn" aria-label="Allow for longer" disabled={isPending}><ChevronDown size={13} /></button>}
          items={[
            { label: "Once", run: () => allow("once") },
            { label: "Exactly this, for this task", run: () => allow("task") },
            { label: "Exactly this, for its project", run: () => allow("project") },
            { label: "Exactly this, everywhere", run: () => allow("everywhere") },
          ]}
        />
      )}
      <button type="button" className={`btn${size}${small ? " g" : ""}`} disabled={isPending} onClick={() => setStep("reject")}>Reject</button>
    </div>
  );
}
