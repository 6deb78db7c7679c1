import { useQuery } from "@tanstack/react-query";
import { AlarmClock, AlarmClockOff } from "lucide-react";
import { Link } from "react-router";
import { approvalDetail } from "@/components/decision/detail";
import { DecisionCard } from "@/components/decision/DecisionCard";
import { Onlookers } from "@/components/Onlookers";
import { Menu } from "@/components/Menu";
import { ErrorState, Skeleton } from "@/components/States";
import { useLooking } from "@/live/looking";
import type { Item } from "./items";
import { Problem } from "./Problem";

const SLEEPS: [string, number][] = [["15 minutes", 15], ["1 hour", 60], ["4 hours", 240], ["Until tomorrow", 1_440]];

interface DetailProps {
  id: string;
  item: Item | undefined;
  asleep: boolean;
  onSnooze: (minutes: number | null) => void;
}

/** The decision on the right. One that was settled meanwhile is still shown, with what came of it. */
export function Detail({ id, item, asleep, onSnooze }: DetailProps) {
  const isTask = id.startsWith("tsk_");
  useLooking([id]);
  const found = useQuery({ ...approvalDetail(id), enabled: !isTask });
  const approval = found.data ?? item?.approval;
  const open = isTask ? item !== undefined : approval?.state === "pending";
  return (
    <>
      <div className="ib-tools">
        <Link to="/inbox" className="btn s only-small">All items</Link>
        {asleep ? <button type="button" className="btn s g" onClick={() => onSnooze(null)}><AlarmClockOff size={13} />Wake now</button> : open ? (
          <Menu
            trigger={<button type="button" className="btn s g" title="Out of your list for a while, in every browser. It goes on waiting, and its time goes on."><AlarmClock size={13} />Snooze</button>}
            items={SLEEPS.map(([label, minutes]) => ({ label, run: () => onSnooze(minutes) }))}
          />
        ) : null}
        {isTask ? <Onlookers item={id} /> : null}
      </div>
      {isTask ? <Problem id={id} /> : approval ? <DecisionCard key={approval.id + approval.digest} approval={approval} full level={2} />
        : found.isError ? <ErrorState what="This request could not be loaded" error={found.error} retry={() => void found.refetch()} /> : <Skeleton rows={5} />}
    </>
  );
}
