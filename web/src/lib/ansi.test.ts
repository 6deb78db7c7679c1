import { expect, it } from "vitest";
import { parseAnsi, plain } from "./ansi";

it("keeps colours and leaves out what a terminal would obey", () => {
  expect(parseAnsi("\u001b[32mok\u001b[0m done\u001b[2J\u001b]0;title\u0007!")).toEqual([
    { text: "ok", style: "var(--st-succeeded)" }, { text: " done", style: "" }, { text: "!", style: "" },
  ]);
  expect(plain("\u001b[1;31mE\u001b[0m\u0008x")).toBe("Ex");
});

it("cuts a line of ten megabytes", () => {
  const runs = parseAnsi("x".repeat(10_000_000));
  expect(runs[0]!.text).toHaveLength(10_000);
  expect(runs[1]!.text).toContain("more characters");
});
