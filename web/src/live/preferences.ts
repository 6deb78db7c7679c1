import { create } from "zustand";
import { ApiProblem, answer, api } from "@/api/client";
import type { LoggedEvent } from "@/api/types";
import { keptNames, onKept, readKept, writeKept } from "@/lib/kept";
import { merged, same, type Values } from "@/lib/merge";

/** How what somebody set reaches the server: it is there, on its way, or refused (`why`). */
export const usePreferencesState = create<{ at: "kept" | "waiting" | "refused"; why: string }>(() => ({ at: "waiting", why: "" }));

/** What belongs to a person and goes with them; the rest belongs to a browser. */
const SYNCED = /^(theme|density|rail|code|keys|live|notify|fleet|views\..+|columns\..+)$/;
const BASE = "preferences";
const SETTLE_MS = 400;
const TRIES = 5;

interface Known {
  version: number;
  values: Values;
}

const NOTHING: Known = { version: 0, values: {} };

function known(): Known {
  const kept = readKept(BASE) as Partial<Known> | undefined;
  return typeof kept?.version === "number" && typeof kept.values === "object" ? { version: kept.version, values: kept.values } : NOTHING;
}

function mine(): Values {
  return Object.fromEntries(keptNames().filter((name) => SYNCED.test(name)).map((name) => [name, readKept(name)]));
}

/** What was last known of the server, for merging with what it says now. */
function baseOf(theirs: Known): Values {
  const before = known();
  // A server that knows less than before is another one, or was put back: nothing there was removed on purpose.
  if (theirs.version >= before.version && before.version > 0) return before.values;
  // At the first meeting, what both have is as it is there.
  return Object.fromEntries(Object.entries(mine()).filter(([name]) => name in theirs.values));
}

/** Takes over what the server has; what was set here since `base` stays. */
function takeOver(theirs: Known, base: Values): void {
  const here = mine();
  const values = merged(base, here, theirs.values);
  for (const name of new Set([...Object.keys(here), ...Object.keys(values)])) {
    if (SYNCED.test(name) && !same(here[name], values[name])) writeKept(name, values[name] ?? null, false);
  }
  writeKept(BASE, { version: theirs.version, values: theirs.values }, false);
}

/** Keeps what somebody set in step with the server, and so with every other window. */
export class PreferencesSync {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private busy = false;
  private again = false;
  private forget: () => void = () => undefined;

  start(): void {
    this.forget = onKept(({ name, mine: chosen }) => {
      if (chosen && SYNCED.test(name)) this.soon();
    });
    void this.sync(true);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.forget();
  }

  events(events: LoggedEvent[]): void {
    const newest = events.findLast((event) => event.kind === "preferences.set");
    if (newest && Number((newest.data as { version?: number }).version) > known().version) void this.sync(true);
  }

  /** Something may have been missed. */
  snapshot(): void {
    void this.sync(true);
  }

  private soon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.sync(false), SETTLE_MS);
  }

  private async sync(read: boolean): Promise<void> {
    if (this.busy) {
      this.again ||= read;
      this.soon();
      return;
    }
    this.busy = true;
    usePreferencesState.setState({ at: "waiting" });
    try {
      await settled(read || this.again);
      this.again = false;
      usePreferencesState.setState({ at: "kept", why: "" });
    } catch (error) {
      const refused = error instanceof ApiProblem && (error.status === 413 || error.status === 422);
      usePreferencesState.setState({ at: refused ? "refused" : "waiting", why: error instanceof Error ? error.message : String(error) });
    } finally {
      this.busy = false;
    }
  }
}

async function read(): Promise<void> {
  const theirs = await answer(api.GET("/api/v1/preferences"));
  takeOver(theirs, baseOf(theirs));
}

async function settled(first: boolean): Promise<void> {
  if (first) await read();
  for (let tries = 0; tries < TRIES && !same(mine(), known().values); tries += 1) {
    const values = mine();
    try {
      takeOver(await answer(api.PUT("/api/v1/preferences", { body: { version: known().version, values } })), values);
    } catch (error) {
      if (!(error instanceof ApiProblem) || error.status !== 409) throw error;
      await read();
    }
  }
}
