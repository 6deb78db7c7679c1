import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { LoggedEvent } from "@/api/types";
import { Connection, type Status } from "./connection";
import { readBlock } from "./fallback";

class FakeSocket {
  static OPEN = 1;
  static made: FakeSocket[] = [];
  readyState = 0;
  sent: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  constructor(readonly url: string) {
    FakeSocket.made.push(this);
  }
  send(text: string) {
    this.sent.push(text);
  }
  close() {
    this.readyState = 3;
    this.onclose?.();
  }
  open(seq: number) {
    this.readyState = 1;
    this.onopen?.();
    this.say({ type: "hello", seq, at: "2026-01-01T00:00:00Z" });
  }
  say(message: object) {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

const event = (seq: number) => ({ seq, kind: "task.submitted" }) as LoggedEvent;
const socket = () => FakeSocket.made.at(-1)!;

function connected(fallback: ConstructorParameters<typeof Connection>[2] = null, position: number | null = null) {
  const seen: { events: number[]; snapshots: number; modes: Status["mode"][] } = { events: [], snapshots: 0, modes: [] };
  const connection = new Connection(
    "ws://test/ws",
    {
      onEvents: (events) => seen.events.push(...events.map((one) => one.seq)),
      onSnapshot: () => (seen.snapshots += 1),
      onStatus: (status) => seen.modes.push(status.mode),
      onServerTime: () => undefined,
    },
    fallback,
  );
  connection.start(position);
  return { seen, connection };
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.made = [];
  vi.stubGlobal("WebSocket", FakeSocket);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("the socket", () => {
  it("takes events in order and each once", () => {
    const { seen } = connected();
    socket().open(10);
    socket().say({ type: "events", events: [event(11), event(12)], seq: 12 });
    socket().say({ type: "events", events: [event(12), event(13)], seq: 13 });
    expect(seen.events).toEqual([11, 12, 13]);
    expect(seen.snapshots).toBe(0);
  });

  it("is told first what happened since the first answers of the page", () => {
    const { seen } = connected(null, 9);
    expect(socket().url).toBe("ws://test/ws?after=9");
    socket().open(10);
    socket().say({ type: "events", events: [event(10)], seq: 10 });
    expect(seen).toMatchObject({ events: [10], snapshots: 0 });
  });

  it("asks for a snapshot when a number is missing", () => {
    const { seen } = connected();
    socket().open(10);
    socket().say({ type: "events", events: [event(13)], seq: 13 });
    expect(seen).toMatchObject({ events: [], snapshots: 1 });
    socket().say({ type: "events", events: [event(14)], seq: 14 });
    expect(seen.events).toEqual([14]);
  });

  it("resumes where it was after the connection is lost", () => {
    const { seen } = connected();
    socket().open(10);
    socket().say({ type: "events", events: [event(11)], seq: 11 });
    socket().close();
    expect(seen.modes.at(-1)).toBe("reconnecting");
    vi.advanceTimersByTime(1_000);
    expect(socket().url).toBe("ws://test/ws?after=11");
    socket().open(12);
    socket().say({ type: "events", events: [event(12)], seq: 12 });
    expect(seen.events).toEqual([11, 12]);
    expect(seen.modes.at(-1)).toBe("live");
  });

  it("takes a snapshot instead of a long backlog, and of another log", () => {
    const { seen } = connected();
    socket().open(10);
    socket().close();
    vi.advanceTimersByTime(1_000);
    socket().open(5_000);
    expect(seen.snapshots).toBe(1);
    socket().say({ type: "resync", seq: 3 });
    socket().say({ type: "events", events: [event(4)], seq: 4 });
    expect(seen).toMatchObject({ events: [4], snapshots: 2 });
  });

  it("tells what is open in the window, and again on a new socket", () => {
    const { connection } = connected();
    connection.look(["tsk_1"]);
    socket().open(10);
    expect(socket().sent.map((text) => JSON.parse(text))).toEqual([{ type: "look", items: ["tsk_1"], browser: "" }]);
    socket().close();
    vi.advanceTimersByTime(1_000);
    socket().open(10);
    expect(socket().sent).toHaveLength(1);
    connection.look([]);
    expect(JSON.parse(socket().sent.at(-1)!)).toMatchObject({ type: "look", items: [] });
  });

  it("gives up a socket that has gone silent", () => {
    const { seen } = connected();
    socket().open(10);
    vi.advanceTimersByTime(46_000);
    expect(seen.modes).toContain("reconnecting");
  });

  it("falls back when sockets never open, and says so", () => {
    const { seen } = connected(async (_position, _signal, hooks) => {
      hooks.onOpen("events");
      hooks.onMessage({ type: "hello", seq: 1 });
      hooks.onMessage({ type: "events", events: [event(2)], seq: 2 });
      await new Promise(() => undefined);
    });
    for (let tries = 0; tries < 3; tries += 1) {
      socket().close();
      vi.advanceTimersByTime(5_000);
    }
    expect(seen.modes.at(-1)).toBe("events");
    expect(seen.events).toEqual([2]);
  });
});

it("reads blocks of an event stream", () => {
  expect(readBlock('id: 7\nevent: task.submitted\ndata: {"seq":7}')).toEqual({ id: 7, kind: "task.submitted", data: { seq: 7 } });
  expect(readBlock(": heartbeat\nid: 9")).toEqual({ id: 9, kind: "message", data: undefined });
});
