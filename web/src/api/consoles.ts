import { answer, api, ApiProblem } from "./client";
import type { components } from "./schema";

export type Opened = components["schemas"]["Console"];

/** What a console is at; `ended` says why in words. */
export type At = { at: "opening" | "open" | "lost" } | { at: "ended"; words: string };

export interface Hooks {
  /** Resolves when it is on the screen: only then more is asked for. */
  onBytes: (data: Uint8Array) => Promise<void>;
  onAt: (at: At) => void;
}

const WAIT_SECONDS = 20;
const PIECE = 32_768;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;
const path = (id: string) => ({ params: { path: { console_id: id } } });

export function openConsole(sandbox: string, columns: number, rows: number): Promise<Opened> {
  return answer(api.POST("/api/v1/sandboxes/{sandbox_id}/console", { params: { path: { sandbox_id: sandbox } }, body: { columns, rows } }));
}

export function toBytes(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
}

export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4_096) text += String.fromCharCode(...bytes.subarray(at, at + 4_096));
  return btoa(text);
}

/** Why a shell has ended, for a person. */
export function endWords(exit: number | null | undefined, problem: string | null | undefined): string {
  if (problem) return problem;
  return exit === 0 || exit === null || exit === undefined ? "The shell has ended." : `The shell has ended with status ${exit}.`;
}

/** Both ways of a console, by position: what is lost on the way is sent again, what comes twice is taken once. */
export class ConsoleLine {
  private readonly stop = new AbortController();
  private waiting = new Uint8Array(0);
  private size: { columns: number; rows: number } | null = null;
  private typed = 0;
  private sending = false;
  private over = false;

  constructor(private readonly id: string, private readonly hooks: Hooks) {}

  /** Shows what comes, to the end. */
  async read(): Promise<void> {
    let position = 0;
    while (!this.over) {
      const shown = await this.again(() => api.POST("/api/v1/consoles/{console_id}/read", { ...path(this.id), body: { position, wait_seconds: WAIT_SECONDS }, signal: this.stop.signal }));
      if (!shown) return;
      if (shown.data) await this.hooks.onBytes(toBytes(shown.data));
      position = shown.position;
      if (shown.state === "ended") this.ended(endWords(shown.exit_code, shown.problem));
      else if (!this.over) this.hooks.onAt({ at: shown.state });
    }
  }

  type(data: Uint8Array): void {
    const joined = new Uint8Array(this.waiting.length + data.length);
    joined.set(this.waiting);
    joined.set(data, this.waiting.length);
    this.waiting = joined;
    void this.send();
  }

  resize(columns: number, rows: number): void {
    this.size = { columns, rows };
    void this.send();
  }

  /** Ends the shell; the page may be going away. */
  close(): void {
    if (this.over) return;
    this.over = true;
    this.stop.abort();
    void api.DELETE("/api/v1/consoles/{console_id}", { ...path(this.id), keepalive: true }).catch(() => undefined);
  }

  private ended(words: string): void {
    if (this.over) return;
    this.over = true;
    this.stop.abort();
    this.hooks.onAt({ at: "ended", words });
  }

  private async send(): Promise<void> {
    if (this.sending) return;
    this.sending = true;
    while (!this.over && (this.waiting.length > 0 || this.size)) {
      const { size } = this;
      const piece = this.waiting.subarray(0, PIECE);
      const body = { position: this.typed, data: toBase64(piece), columns: size?.columns ?? null, rows: size?.rows ?? null };
      const taken = await this.again(() => api.POST("/api/v1/consoles/{console_id}/write", { ...path(this.id), body, signal: this.stop.signal }));
      if (!taken) break;
      this.waiting = this.waiting.slice(taken.position - this.typed);
      this.typed = taken.position;
      if (this.size === size) this.size = null;
    }
    this.sending = false;
  }

  /** The answer, however often it has to be asked for; null: it is over. */
  private async again<T>(call: () => Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T | null> {
    for (let pause = FIRST_PAUSE_MS; !this.over; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        return await answer(call());
      } catch (error) {
        if (this.over) return null;
        const status = error instanceof ApiProblem ? error.status : -1;
        if (status === 404) this.ended("The server does not know this console any more: it was started anew, or the shell ended a while ago.");
        else if (status !== 0 && status !== 429 && status < 500) this.ended(error instanceof Error ? error.message : String(error));
        else {
          this.hooks.onAt({ at: "lost" });
          await new Promise((resolve) => setTimeout(resolve, pause));
        }
      }
    }
    return null;
  }
}
