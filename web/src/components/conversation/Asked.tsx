import { useQuery } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { Link } from "react-router";
import { taskApprovals } from "@/api/queries";
import { visible } from "@/lib/visible";
import { gaveWords, said } from "../decision/words";
import { TimeAgo } from "../TimeAgo";
import type { Block } from "./entries";

/** Of which attempt the conversation is; without it answers are not looked up. */
export const Asking = createContext<{ task: string; attempt: string } | null>(null);

/** What an agent asked of people, and what they answered. */
export function Asked({ block }: { block: Block & { kind: "asked" } }) {
  const whose = useContext(Asking);
  const { data } = useQuery({ ...taskApprovals(whose?.task ?? ""), enabled: whose !== null && block.id !== "" });
  // Newest first: one that its agent changed has a later one of the same name.
  const request = data?.items.find((one) => one.attempt_id === whose?.attempt && one.key === block.id);
  return (
    <div className="note">
      <p><span className="text-waiting">{visible(block.title)}</span> {block.detail ? <span className="mono">{visible(block.detail)}</span> : null}</p>
      {!request ? null : request.state === "pending" ? <p><Link className="link" to={`/inbox/${request.id}`}>It waits for an answer</Link></p>
        : <p>{said(request)}{request.finished_at ? <TimeAgo at={request.finished_at} /> : null}{gaveWords(request)}</p>}
    </div>
  );
}
