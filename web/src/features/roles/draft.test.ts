import { describe, expect, it } from "vitest";
import type { Role } from "@/api/types";
import { draftOf, EMPTY, fieldsOf, problemsOf } from "./draft";

const role = {
  name: "reviewer", kind: "reviewer", description: "Reads.", system_prompt: "You read.", instructions: "", agent: null, model: "opus", permissions: "read", tools: ["Read", "Grep"], built_in: true,
  mcp: [{ name: "muster", url: "", argv: [], headers: {}, env: {} }, { name: "docs", url: "https://docs.example", headers: { Authorization: "Bearer a=b" }, argv: [], env: {} }, { name: "db", url: "", argv: ["db-mcp", "--read only"], env: { A: "1" }, headers: {} }],
} as unknown as Role;

describe("a role in the editor", () => {
  it("comes out as it went in", () => {
    const fields = fieldsOf(draftOf(role));
    expect(fields).toMatchObject({ kind: "reviewer", agent: null, model: "opus", permissions: "read", tools: ["Read", "Grep"] });
    expect(fields.mcp).toEqual([{ name: "muster" }, { name: "docs", url: "https://docs.example", headers: { Authorization: "Bearer a=b" } }, { name: "db", argv: ["db-mcp", "--read only"], env: { A: "1" } }]);
  });
  it("tells no tools at all from all tools", () => {
    expect(fieldsOf(EMPTY).tools).toBeNull();
    expect(fieldsOf({ ...EMPTY, limited: true }).tools).toEqual([]);
  });
  it("says what is wrong with servers", () => {
    const servers = [{ name: "", way: "url", place: "ftp://x", pairs: "" }, { name: "a", way: "argv", place: " ", pairs: "no" }] as const;
    expect(problemsOf({ ...EMPTY, servers: [...servers] })).toHaveLength(4);
    expect(problemsOf(draftOf(role))).toEqual([]);
  });
});
