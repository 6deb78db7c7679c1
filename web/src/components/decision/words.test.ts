import { describe, expect, test } from "vitest";
import { ApiProblem } from "@/api/client";
import type { Approval } from "@/api/types";
import { exactly, rule } from "./rule";
import { beaten } from "./send";
import { heading, network, onTimeout, sentence } from "./words";

const place = { machine: "nuc-01", directory: "/srv/copy", sandbox: "bubblewrap", network: "none", allow_hosts: [], permissions: "ask", rule_from: null };

function approval(fields: Partial<Approval> = {}): Approval {
  const risk = { level: "high", reasons: ["changes a database", "sends commits away"], target: "main" };
  const document = { tool: "Bash", command: "make deploy" };
  return { id: "apr_1", kind: "permission", state: "pending", outcome: "pending", agent: "claude", task: "Deploy", project: "shop", title: "t", document, risk, place, expires_at: null, ...fields } as Approval;
}

describe("a request in words", () => {
  test("what will happen is one sentence with the reasons of its risk", () => {
    expect(sentence(approval())).toBe("claude asks to run a command that changes a database and sends commits away.");
    expect(sentence(approval({ document: { tool: "Fetch" }, risk: { level: "medium", reasons: ["reaches the network"], target: "x" } }))).toBe("claude asks to use Fetch: it reaches the network.");
    expect(sentence(approval({ kind: "question", risk: null }))).toBe("claude asks a question.");
  });

  test("expired is never called rejected", () => {
    expect(heading(approval({ state: "expired", outcome: "expired" }))).toBe("Expired");
    expect(heading(approval({ outcome: "asked back", state: "answered" }))).toBe("Asked back");
    expect(heading(approval())).toBe("Approve command");
  });

  test("where it reaches and what happens on timeout is what the server does", () => {
    expect(network(approval().place)).toBe("nothing but its model");
    expect(network({ ...approval().place, network: "hosts", allow_hosts: ["a.example", "b.example"] })).toBe("a.example, b.example");
    expect(network({ ...approval().place, network: null })).toMatch(/no sandbox/);
    expect(onTimeout(approval())).toMatch(/as long as it takes/);
    expect(onTimeout(approval({ expires_at: "2026-11-30T12:00:00Z" }))).toMatch(/Nothing runs/);
  });

  test("a rule says exactly what is allowed and where", () => {
    expect(exactly(approval())).toBe("make deploy");
    expect(exactly(approval({ document: { input: { a: 1 } } }))).toBe('{"a":1}');
    expect(rule(approval(), "project")).toBe("Bash may do exactly this, in the project shop, without asking, until the rule is taken back.");
  });
});

describe("a second decision", () => {
  const now = new Date("2026-11-30T12:00:05Z");
  const late = (details: Record<string, unknown>, code = "already_settled") => beaten(new ApiProblem(409, code, "", "", details), now);

  test("hears who was first and when, and that nothing was sent", () => {
    expect(late({ word: "approved", answered_by: "ann", finished_at: "2026-11-30T12:00:02Z" })).toBe("Approved by ann 3 s ago. Nothing was sent.");
    expect(late({ word: "expired", answered_by: null, finished_at: "2026-11-30T11:56:05Z" })).toBe("Expired 4 min ago. Nothing was sent.");
  });

  test("is another failure when it was not too late", () => {
    expect(late({}, "not_what_was_seen")).toBeNull();
    expect(beaten(new Error("x"), now)).toBeNull();
  });
});
