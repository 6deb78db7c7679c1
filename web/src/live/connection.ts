import type { LoggedEvent } from "@/api/types";

export type Mode = "connecting" | "live" | "reconnecting" | "events" | "polling" | "offline";

export interface Status {
  mode: Mode;
  /** Since when it is so (milliseconds). */
  since: number;
  /** Events that were missed and are not replayed: a snapshot stands for them. */
  behind: number;
}

/** Others who look at the same: their names, and how many there are besides. */
export interface Onlookers {
  names: string[];
  more: number;
}

export interface Hooks {
  onEvents: (events: LoggedEvent[]) => void;
  /** Something was missed, or may have been: everything shown is to be fetched anew. */
  onSnapshot: () => void;
  onStatus: (status: Status) => void;
  onServerTime: (at: string) => void;
  onOnlookers?: (item: string, others: Onlookers) => void;
}

interface Message extends Partial<Onlookers> {
  type: string;
  item?: string;
  seq?: number;
  at?: string;
  events?: LoggedEvent[];
  heartbeat_seconds?: number;
}

const HANDSHAKE_MS = 8_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;
const SILENCE_MS = 40_000;
const PING_MS = 15_000;
/** So many events behind, one snapshot is cheaper than the backlog. */
const BACKLOG = 500;
const TRIES_BEFORE_FALLBACK = 3;

export type Fallback = (position: number | null, signal: AbortSignal, hooks: FallbackHooks) => Promise<void>;
export interface FallbackHooks {
  onOpen: (mode: "events" | "polling") => void;
  onMessage: (message: Message) => void;
}

/** The one socket of this window, which lives as long as the page. */
export class Connection {
  private socket: WebSocket | null = null;
  private position: number | null = null;
  private tries = 0;
  private everOpen = false;
  private heardAt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private watch: ReturnType<typeof setInterval> | undefined;
  private status: Status = { mode: "connecting", since: Date.now(), behind: 0 };
  private instead: AbortController | null = null;
  private stopped = true;
  private looking: string[] = [];

  constructor(
    private readonly url: string,
    private readonly hooks: Hooks,
    private readonly fallback: Fallback | null = null,
    private readonly socketsWork = true,
    private readonly browser = "",
  ) {}

  /** `position`: up to where the log is known already; what happened since is told first. */
  start(position: number | null = null): void {
    this.stopped = false;
    this.position ??= position;
    this.watch = setInterval(() => this.check(), PING_MS);
    this.connect();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    clearInterval(this.watch);
    this.instead?.abort();
    this.drop();
  }

  /** The network is back or somebody looks again: no waiting. */
  retryNow(): void {
    if (this.stopped || this.socket?.readyState === WebSocket.OPEN || this.instead) return;
    this.tries = 0;
    clearTimeout(this.timer);
    this.drop();
    this.connect();
  }

  /** What is open in this window, instead of what was; told again on every new socket. */
  look(items: string[]): void {
    const same = items.join() === this.looking.join();
    this.looking = items;
    if (!same) this.tellLooking();
  }

  private tellLooking(): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type: "look", items: this.looking, browser: this.browser }));
  }

  private connect(): void {
    if (!this.socketsWork) {
      this.fallBack();
      return;
    }
    const socket = new WebSocket(this.position === null ? this.url : `${this.url}?after=${this.position}`);
    this.socket = socket;
    const limit = setTimeout(() => socket.close(), HANDSHAKE_MS);
    socket.onopen = () => {
      clearTimeout(limit);
      this.tries = 0;
      this.everOpen = true;
      this.heardAt = Date.now();
    };
    socket.onmessage = (message) => this.hear(JSON.parse(String(message.data)) as Message);
    socket.onclose = () => {
      clearTimeout(limit);
      if (this.socket === socket) this.lost();
    };
  }

  private lost(): void {
    this.socket = null;
    if (this.stopped) return;
    this.tries += 1;
    if (!this.everOpen && this.tries >= TRIES_BEFORE_FALLBACK && this.fallback) {
      this.fallBack();
      return;
    }
    this.say(navigator.onLine === false || this.tries > 6 ? "offline" : "reconnecting");
    const wait = Math.min(FIRST_WAIT_MS * 2 ** (this.tries - 1), LONGEST_WAIT_MS);
    this.timer = setTimeout(() => this.connect(), wait * (0.75 + Math.random() / 2));
  }

  private fallBack(): void {
    const control = new AbortController();
    this.instead = control;
    void this.fallback?.(this.position, control.signal, {
      onOpen: (mode) => this.say(mode),
      onMessage: (message) => this.hear(message),
    }).catch(() => undefined).then(() => {
      this.instead = null;
      if (this.stopped) return;
      this.tries += 1;
      this.say(this.tries > 3 ? "offline" : "reconnecting");
      this.timer = setTimeout(() => this.connect(), Math.min(FIRST_WAIT_MS * 2 ** this.tries, LONGEST_WAIT_MS));
    });
  }

  private hear(message: Message): void {
    this.heardAt = Date.now();
    if (message.at) this.hooks.onServerTime(message.at);
    switch (message.type) {
      case "hello":
        this.greeted(message.seq ?? 0);
        break;
      case "resync":
        this.position = message.seq ?? null;
        this.hooks.onSnapshot();
        break;
      case "heartbeat":
        // A heartbeat ahead of us tells of events that were not for us, or that we lost.
        if (this.position !== null && message.seq !== undefined && message.seq > this.position) {
          this.position = message.seq;
          this.hooks.onSnapshot();
        }
        break;
      case "events":
        this.take(message.events ?? [], message.seq);
        break;
      case "onlookers":
        this.hooks.onOnlookers?.(message.item ?? "", { names: message.names ?? [], more: message.more ?? 0 });
        break;
    }
  }

  private greeted(head: number): void {
    const behind = this.position === null ? 0 : head - this.position;
    if (this.position === null) this.position = head;
    else if (behind > BACKLOG || behind < 0) {
      this.position = head;
      this.hooks.onSnapshot();
    }
    if (this.socket && this.looking.length > 0) this.tellLooking();
    if (this.socket) this.say("live", Math.max(behind, 0));
    else this.status.behind = 0;
  }

  private take(events: LoggedEvent[], reached: number | undefined): void {
    const fresh = events.filter((event) => this.position === null || event.seq > this.position);
    const gap = fresh.length > 0 && this.position !== null && fresh[0]!.seq !== this.position + 1;
    this.position = Math.max(reached ?? 0, fresh.at(-1)?.seq ?? 0, this.position ?? 0);
    if (gap) this.hooks.onSnapshot();
    else if (fresh.length > 0) this.hooks.onEvents(fresh);
  }

  private check(): void {
    const socket = this.socket;
    if (!socket || socket.readyState !== WebSocket.OPEN) return;
    if (Date.now() - this.heardAt > SILENCE_MS) {
      this.drop();
      this.lost();
    } else socket.send('{"type":"ping"}');
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  private say(mode: Mode, behind = 0): void {
    const since = this.status.mode === mode ? this.status.since : Date.now();
    this.status = { mode, since, behind };
    this.hooks.onStatus(this.status);
  }
}
