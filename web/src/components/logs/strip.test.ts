import { describe, expect, it } from "vitest";
import { labelsOf, linesOf } from "./lines";
import { brushOf, moved, stripOf, timesOf, within } from "./strip";

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const lines = linesOf([
  { at: at(0), name: "Read", status: "completed" }, { at: at(0), name: "Read", status: "completed" }, { at: at(48), name: "Bash", status: "failed" }, { at: at(95), name: "Edit", status: "completed" }, { name: "Read" },
].map((line) => JSON.stringify(line)).join("\n"), true);
const strip = stripOf(lines, labelsOf(lines))!;

describe("what happened when", () => {
  it("is counted by stretch and kind; what failed is a kind of its own", () => {
    expect(strip.kinds).toEqual(["Read", "Bash", "Edit", "other", "failed"]);
    expect(strip.buckets[0]).toEqual([2, 0, 0, 0, 0]);
    expect(strip.most).toBe(2);
    expect(strip.buckets.reduce((sum, bucket) => sum + bucket[4]!, 0)).toBe(1);
    expect(strip.buckets.flat().reduce((sum, one) => sum + one, 0)).toBe(4);
  });
  it("is nothing where nothing has a time", () => {
    expect(stripOf(linesOf("a\nb", false), [])).toBeNull();
    expect(stripOf(lines.slice(0, 2), [])).toBeNull();
  });
  it("is narrowed to a stretch, which the address keeps", () => {
    const [from, to] = timesOf(strip, [40, 60]);
    expect(brushOf(strip, from, to)).toEqual([40, 60]);
    expect(within(lines, from, to).map((line) => line.label)).toEqual(["Bash"]);
    expect(within(lines, null, null)).toHaveLength(5);
    expect(brushOf(strip, null, null)).toBeNull();
    expect(brushOf(strip, "nonsense", to)).toEqual([0, 60]);
    expect(brushOf(strip, to, from)).toBeNull();
  });
  it("is moved by the arrows, and its ends do not pass each other", () => {
    expect(moved([10, 20], 0, "ArrowRight", 96)).toEqual([11, 20]);
    expect(moved([10, 20], 1, "End", 96)).toEqual([10, 96]);
    expect(moved([10, 11], 0, "PageUp", 96)).toEqual([10, 11]);
    expect(moved([0, 1], 1, "Home", 96)).toEqual([0, 1]);
    expect(moved([0, 1], 1, "x", 96)).toBeNull();
  });
});
