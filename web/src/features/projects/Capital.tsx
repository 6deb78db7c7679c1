import { useInfiniteQuery } from "@tanstack/react-query";
import type { Project } from "@/api/types";
import { useNow } from "@/lib/clock";
import { cost } from "@/lib/format";
import { CapitalBar } from "./CapitalBar";
import { burn, BURN_DAYS, endsAt, ledger } from "./queries";

const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });

/** The bar, how fast it goes, and when it will be used up. */
export function Capital({ project }: { project: Project }) {
  const minute = Math.floor(useNow() / 60_000) * 60_000;
  const list = useInfiniteQuery(ledger(project.id));
  const entries = list.data?.pages.flatMap((page) => page.items) ?? [];
  const perDay = list.data ? burn(entries, !list.hasNextPage, minute) : null;
  const end = endsAt(project, perDay, minute);
  return (
    <div className="pl-capital">
      <CapitalBar project={project} />
      <p className="mut num">
        {!list.data ? "\u00a0" : perDay === null ? "The last days are longer than the part of the ledger that is shown." : perDay === 0 ? `Nothing spent in the last ${BURN_DAYS} days.` : `About ${cost(perDay)} a day over the last ${BURN_DAYS} days`}
        {end !== null ? `, used up about ${day.format(new Date(end))}.` : perDay ? "." : ""}
      </p>
    </div>
  );
}
