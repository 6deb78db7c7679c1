import { describe, expect, it } from "vitest";
import type { Task } from "@/api/types";
import { nextOf, wayOf } from "./continue";

const run = { agent: "claude", session: "s-1", base_commit: "a", head_commit: "b" };
const ended = (more: object = {}) => ({ id: "tsk_1", state: "succeeded", kind: "prompt", payload: { agent: "claude", prompt: "old", role: "builder", resume: "tsk_0" }, tags: ["x"], project: "default", priority: "medium", network: false, working_dir: "/src", agent_id: "worker-1", attempt: { run }, ...more }) as unknown as Task;

describe("words to an agent", () => {
  it("go into its run while it works, and wait while it is queued", () => {
    expect(wayOf(ended({ state: "running" }))).toBe("say");
    expect(wayOf(ended({ state: "ready" }))).toBe("wait");
  });
  it("go on with its last session on the same host, from where its work stands", () => {
    expect(nextOf(ended(), "and now\nmore")).toMatchObject({
      title: "and now", kind: "prompt", assigned_to: "worker-1", working_dir: "/src", tags: ["x", "chat"],
      payload: { agent: "claude", role: "builder", prompt: "and now\nmore", resume: "tsk_1", base: "b" },
    });
  });
  it("begin anew where its program keeps no sessions", () => {
    const next = nextOf(ended({ attempt: { run: { ...run, session: null, head_commit: null } } }), "again");
    expect(next.payload).toEqual({ agent: "claude", role: "builder", prompt: "again" });
  });
  it("are a new task of its own for one that claims over the API", () => {
    const next = nextOf(ended({ payload: {}, agent_id: "ann" }), "look");
    expect(next).toMatchObject({ description: "look", assigned_to: "ann", kind: "prompt" });
    expect(next.payload).toBeUndefined();
  });
});
