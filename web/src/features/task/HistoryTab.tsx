import { useQuery } from "@tanstack/react-query";
import { taskEvents } from "@/api/queries";
import type { LoggedEvent, Task } from "@/api/types";
import { useAgentName } from "@/components/AgentName";
import { visible } from "@/lib/visible";
import { ErrorState, Skeleton } from "@/components/States";
import { cost, dayAndMonth, exactly, timeOfDay } from "@/lib/format";

/** Every event of the log that is about the task, oldest first. */
export default function HistoryTab({ task }: { task: Task }) {
  const { data, error, refetch } = useQuery(taskEvents(task.id));
  const name = useAgentName();
  if (error && !data) return <ErrorState what="The history could not be loaded" error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton />;
  return (
    <section className="card pan" style={{ overflow: "hidden" }}>
      <h2>History <span className="mut num">{data.items.length}</span></h2>
      {data.items.map((event, index) => (
        <div className="f" key={event.seq}>
          <span className="mut num day">{index > 0 && dayOf(data.items[index - 1]!) === dayOf(event) ? "" : dayOf(event)}</span>
          <time className="mut num" dateTime={event.at} title={exactly(new Date(event.at))}>{timeOfDay(new Date(event.at))}</time>
          <span className="cut" style={{ flex: 1 }}>{words(event)} <span className="mut">{visible(detail(event, name))}</span></span>
          {event.amount_usd ? <span className="num">{cost(event.amount_usd)}</span> : null}
        </div>
      ))}
    </section>
  );
}

function dayOf(event: LoggedEvent): string {
  return dayAndMonth(new Date(event.at));
}

function words(event: LoggedEvent): string {
  const [noun = "", verb = ""] = event.kind.split(".");
  return `${noun.charAt(0).toUpperCase()}${noun.slice(1).replaceAll("_", " ")} ${verb}`;
}

function detail(event: LoggedEvent, name: (id: string | null) => string): string {
  for (const field of ["reason", "message", "title", "text", "code", "worker_id"]) {
    const value = event.data[field];
    if (typeof value === "string" && value) return field === "worker_id" ? name(value) : value.split("\n")[0]!.slice(0, 200);
  }
  return name(event.agent_id);
}
