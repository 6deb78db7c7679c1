import { create } from "zustand";
import { ApiProblem, answer, api } from "@/api/client";
import type { LoggedEvent } from "@/api/types";
import { keptNames, onKept, readKept, writeKept } from "@/lib/kept";
import { merged, same, type Values } from "@/lib/merge";

/** How what somebody set reaches the server: it is there, on its way, or refused (`why`). */
export const usePreferencesState = create<{ at: "kept" | "waiting" | "refused"; why: string }>(() => ({ at: "waiting", why: "" }));

/** What belongs to a person and goes with them; the rest belongs to a browser. */
const SYNCED = /^(theme|density|rail|code|keys|live|notify|fleet|wrap|snoozed|views\..+)$/;
const BASE = "preferences";
const SETTLE_MS = 400;
const TRIES = 5;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

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
  /** Whether the server is to be asked before it is told. */
  private stale = true;
  private failures = 0;
  private readonly online = () => this.soon(0);
  private forget: () => void = () => undefined;

  start(): void {
    this.forget = onKept(({ name, mine: chosen }) => {
      if (chosen && SYNCED.test(name)) this.soon(SETTLE_MS);
    });
    addEventListener("online", this.online);
    this.soon(0);
  }

  stop(): void {
    clearTimeout(this.timer);
    removeEventListener("online", this.online);
    this.forget();
  }

  events(events: LoggedEvent[]): void {
    const newest = events.findLast((event) => event.kind === "preferences.set");
    if (newest && Number((newest.data as { version?: number }).version) > known().version) this.snapshot();
  }

  /** Something may have been missed. */
  snapshot(): void {
    this.stale = true;
    this.soon(0);
  }

  private soon(wait: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.sync(), wait);
  }

  private async sync(): Promise<void> {
    if (this.busy) return this.soon(SETTLE_MS);
    this.busy = true;
    const ask = this.stale;
    this.stale = false;
    try {
      await settled(ask);
      this.failures = 0;
      usePreferencesState.setState({ at: "kept", why: "" });
    } catch (error) {
      this.stale = true;
      this.failed(error);
    } finally {
      this.busy = false;
    }
  }

  private failed(error: unknown): void {
    const status = error instanceof ApiProblem ? error.status : 0;
    const refused = status === 413 || status === 422;
    usePreferencesState.setState({ at: refused ? "refused" : "waiting", why: error instanceof Error ? error.message : String(error) });
    if (!refused) this.soon(Math.min(FIRST_WAIT_MS * 2 ** this.failures, LONGEST_WAIT_MS));
    this.failures += 1;
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
