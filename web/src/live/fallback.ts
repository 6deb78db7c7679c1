import { KEPT_AT, token } from "@/api/client";
import type { LoggedEvent } from "@/api/types";
import type { FallbackHooks } from "./connection";

const POLL_MS = 5_000;

function headers(): HeadersInit {
  const known = token();
  return known ? { authorization: `Bearer ${known}` } : {};
}

/** Server-sent events where sockets do not get through, and polling where these do not either. */
export async function withoutSocket(position: number | null, signal: AbortSignal, hooks: FallbackHooks): Promise<void> {
  try {
    await readEvents(position, signal, hooks);
  } catch (error) {
    if (signal.aborted) throw error;
    await poll(signal, hooks);
  }
}

async function readEvents(position: number | null, signal: AbortSignal, hooks: FallbackHooks): Promise<void> {
  const query = position === null ? "" : `?after=${position}`;
  const response = await fetch(`/api/v1/events${query}`, { headers: headers(), signal });
  if (!response.ok || !response.body) throw new Error(`no event stream: ${response.status}`);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let open = false;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const read = readBlock(block);
      if (!open && read.id !== undefined) {
        open = true;
        hooks.onOpen("events");
        hooks.onMessage({ type: "hello", seq: read.id });
      }
      if (read.kind === "resync") hooks.onMessage({ type: "resync", seq: read.data?.seq });
      else if (read.data) hooks.onMessage({ type: "events", events: [read.data], seq: read.data.seq });
    }
  }
}

/** One block of an event stream (HTML standard, 9.2.6). */
export function readBlock(block: string): { id?: number; kind: string; data?: LoggedEvent } {
  let id: number | undefined;
  let kind = "message";
  let data = "";
  for (const line of block.split("\n")) {
    if (line.startsWith("id: ")) id = Number(line.slice(4));
    else if (line.startsWith("event: ")) kind = line.slice(7);
    else if (line.startsWith("data: ")) data += line.slice(6);
  }
  return { id, kind, data: data ? (JSON.parse(data) as LoggedEvent) : undefined };
}

async function poll(signal: AbortSignal, hooks: FallbackHooks): Promise<void> {
  let known: number | null = null;
  for (;;) {
    const response = await fetch("/api/v1/overview", { headers: headers(), signal });
    if (!response.ok) throw new Error(`no overview: ${response.status}`);
    // What the service worker kept is no sign of life.
    if (response.headers.has(KEPT_AT)) throw new Error("no overview: the server is not there");
    const { event_position: seq } = (await response.json()) as { event_position: number };
    if (known === null) {
      hooks.onOpen("polling");
      hooks.onMessage({ type: "hello", seq });
    } else if (seq !== known) hooks.onMessage({ type: "heartbeat", seq });
    known = seq;
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}
