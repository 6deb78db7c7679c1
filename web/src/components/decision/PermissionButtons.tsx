import { useQueryClient } from "@tanstack/react-query";
import { ChevronDown } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import type { Approval } from "@/api/types";
import { useNow } from "@/lib/clock";
import { Menu } from "../Menu";
import { Assent } from "./Assent";
import { hold, undo, useHeld } from "./held";
import type { Scope } from "./rule";
import { useAnswer } from "./useAnswer";
import { Words } from "./Words";

const CONFIRM_MS = 4_000;

type Step = "choose" | "confirm" | "reject" | "ask" | { assent: Scope };

/** Approve by a gesture that fits the risk, reject with a reason, ask back; beyond once only for exactly this. */
export function PermissionButtons({ approval, small = false, before }: { approval: Approval; small?: boolean; /** What stands before the ways to answer. */ before?: ReactNode }) {
  const queries = useQueryClient();
  const { mutate, isPending } = useAnswer(approval);
  const [step, setStep] = useState<Step>("choose");
  const until = useHeld((held) => held[approval.id]);
  useEffect(() => {
    if (step !== "confirm") return;
    const timer = setTimeout(() => setStep("choose"), CONFIRM_MS);
    return () => clearTimeout(timer);
  }, [step]);
  const level = approval.risk?.level ?? "medium";
  const allow = (scope: Scope) => { setStep("choose"); mutate({ verdict: "allow", scope }); };
  const press = () => {
    if (level === "high") setStep({ assent: "once" });
    else if (level === "low") hold([approval], { verdict: "allow" }, queries);
    else if (step === "confirm") allow("once");
    else setStep("confirm");
  };
  const size = small ? " s" : "";
  if (until !== undefined) return <Held id={approval.id} size={size} />;
  if (step === "reject" || step === "ask") {
    return <Words what={step} busy={isPending} small={small} onBack={() => setStep("choose")} onSend={(text) => mutate({ verdict: step === "ask" ? "ask" : "deny", text })} />;
  }
  return (
    <div className="b act">
      {before}
      <button type="button" data-decide="approve" className={`btn p${size}${small ? "" : " grow"}`} disabled={isPending} onClick={press}>
        {step === "confirm" ? "Confirm" : "Approve"}{small ? null : <kbd className="kbd" aria-hidden="true">A</kbd>}
      </button>
      {small ? null : (
        <Menu
          trigger={<button type="button" className="btn" aria-label="Approve for longer" disabled={isPending}><ChevronDown size={13} /></button>}
          items={[
            { label: "Once", run: press },
            { label: "Exactly this, for this task", run: () => setStep({ assent: "task" }) },
            { label: "Always exactly this, in this project", run: () => setStep({ assent: "project" }) },
            { label: "Always exactly this, everywhere", run: () => setStep({ assent: "everywhere" }) },
          ]}
        />
      )}
      <button type="button" data-decide="ask" className={`btn${size}${small ? " g" : ""}`} disabled={isPending} onClick={() => setStep("ask")}>Ask{small ? null : <kbd className="kbd" aria-hidden="true">Q</kbd>}</button>
      <button type="button" data-decide="reject" className={`btn${size}${small ? " g" : ""}`} disabled={isPending} onClick={() => setStep("reject")}>Reject{small ? null : <kbd className="kbd" aria-hidden="true">D</kbd>}</button>
      <span className="sr" aria-live="polite">{step === "confirm" ? "Press again within 4 seconds to approve." : ""}</span>
      {typeof step === "object" ? <Assent approval={approval} scope={step.assent} onApprove={() => allow(step.assent)} onClose={() => setStep("choose")} /> : null}
    </div>
  );
}

/** It is decided and not sent yet. */
function Held({ id, size }: { id: string; size: string }) {
  useNow();
  const until = useHeld((held) => held[id]) ?? 0;
  const left = Math.max(Math.ceil((until - Date.now()) / 1000), 0);
  return (
    <div className="b act dc-held">
      <span className="num">{left > 0 ? `Approved in ${left} s` : "Sending"}</span>
      <button type="button" className={`btn${size}`} disabled={left === 0} onClick={() => undo([id])}>Undo</button>
    </div>
  );
}
