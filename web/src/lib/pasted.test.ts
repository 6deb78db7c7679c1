import { describe, expect, it } from "vitest";
import { added, inlined, isLong, joined, marked, readPasted, unmarked } from "./pasted";

const log = Array.from({ length: 41 }, (_, index) => `line ${index}`).join("\n");

describe("a long paste", () => {
  it("is one of more than 2,000 characters or 40 lines", () => {
    expect([isLong("x".repeat(2_000)), isLong("x".repeat(2_001)), isLong(log), isLong(log.replace(/\nline 40$/, "\n"))]).toEqual([false, true, true, false]);
  });
  it("leaves a mark where it was pasted and is sent below the words", () => {
    const [one] = added([], log);
    const text = marked("See this: why?", one!, 9, 9);
    expect(text).toBe("See this: [Pasted text 1] why?");
    expect(joined(text, [one!])).toBe(`${text}\n\n--- Pasted text 1, 41 lines ---\n${log}\n--- end of pasted text 1 ---`);
    expect(joined("", [one!])).toContain("line 40");
  });
  it("goes away with its mark, or into the words", () => {
    const [one] = added([], log);
    expect(unmarked("See [Pasted text 1] now", one!)).toBe("See now");
    expect(inlined("See [Pasted text 1] now", one!)).toBe(`See ${log} now`);
    expect(inlined("", one!)).toBe(log);
  });
  it("has a name that no other has", () => {
    const two = added(added([], "a"), "b");
    expect(added(two.slice(1), "c").map((one) => one.name)).toEqual(["Pasted text 2", "Pasted text 1"]);
  });
  it("is read back as far as it is one", () => expect(readPasted([{ name: "a", text: "b" }, { name: 1 }, null])).toEqual([{ name: "a", text: "b" }]));
});
