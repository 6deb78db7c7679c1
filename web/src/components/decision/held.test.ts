import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Approval } from "@/api/types";
import { hold, undo, UNDO_MS, useHeld } from "./held";

const queries = new QueryClient();
const approval = (id: string) => ({ id, title: id, digest: "d", task_id: "tsk_1" }) as Approval;
let sent: Request[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  vi.stubGlobal("fetch", (request: Request) => {
    sent.push(request);
    return Promise.resolve(new Response("{}", { status: 200, headers: { "content-type": "application/json" } }));
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a decision that can be undone", () => {
  test("is sent when its five seconds are over, and not before", async () => {
    hold([approval("apr_a")], { verdict: "allow" }, queries);
    await vi.advanceTimersByTimeAsync(UNDO_MS - 1);
    expect(sent).toHaveLength(0);
    expect(useHeld.getState().apr_a).toBeDefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(sent).toHaveLength(1);
    await vi.waitFor(() => expect(useHeld.getState().apr_a).toBeUndefined());
  });

  test("is never sent once it is undone", async () => {
    hold([approval("apr_b"), approval("apr_c")], { verdict: "allow" }, queries);
    undo(["apr_b"]);
    await vi.advanceTimersByTimeAsync(UNDO_MS * 2);
    expect(sent.map((request) => new URL(request.url).pathname)).toEqual(["/api/v1/approvals/apr_c/answer"]);
  });

  test("is sent at once, and once, by a page that is left", async () => {
    hold([approval("apr_d")], { verdict: "allow" }, queries);
    dispatchEvent(new Event("pagehide"));
    await vi.advanceTimersByTimeAsync(UNDO_MS * 2);
    expect(sent).toHaveLength(1);
  });
});
