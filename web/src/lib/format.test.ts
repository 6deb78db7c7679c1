import { describe, expect, it } from "vitest";
import * as format from "./format";

describe("money", () => {
  it.each([
    [0, "$0"], [0.00005, "<$0.0001"], [0.0071, "$0.0071"], [0.31, "$0.31"], [2.84, "$2.84"], [1204.4, "$1,204"], [-3, "−$3.00"],
  ])("%d is shown as %s", (value, shown) => expect(format.cost(value)).toBe(shown));

  it.each([[0, "$0"], [5, "$5"], [0.03, "$0.03"], [0.01, "$0.01"], [45.2, "$45.20"], [1_500, "$1,500"], [-5, "−$5.00"]])("%d of a budget is shown as %s", (value, shown) => expect(format.dollars(value)).toBe(shown));

  it("says that a price is not known instead of showing nothing", () => {
    expect(format.cost(null)).toBe("unpriced");
    expect(format.cost(0, 2)).toBe("unpriced");
  });
});

it("gives an amount to the micro-dollar, and what no price is known of", () => {
  expect(format.exactCost(1_204.4)).toBe("$1,204.400000");
  expect(format.exactCost(0.0123456)).toBe("$0.012346");
  expect(format.exactCost(-0.5, 2)).toBe("−$0.500000, and 2 calls without a price");
  expect(format.exactCost(0, 1)).toBe("1 call without a price");
  expect(format.exactCost(null)).toBe("No price is known");
});

it.each([[0.3333, "0.3"], [2, "2"], [9.99, "10"], [41.6, "42"]])("%d an hour is shown as %s", (value, shown) => expect(format.perHour(value)).toBe(shown));

describe("counts", () => {
  it.each([[999, "999"], [9_999, "9,999"], [12_400, "12.4k"], [124_300, "124k"], [1_200_000, "1.2M"], [18_400_000, "18.4M"]])(
    "%d is shown as %s", (value, shown) => expect(format.count(value)).toBe(shown));
  it("keeps tokens short", () => {
    expect(format.compact(3_100)).toBe("3.1k");
    expect(format.compact(904_000)).toBe("904k");
    expect(format.compact(84)).toBe("84");
  });
});

describe("times", () => {
  it.each([[0.84, "840 ms"], [11.9, "11 s"], [542, "9m 02s"], [4_320, "1h 12m"], [273_600, "3d 4h"]])(
    "%d seconds are shown as %s", (value, shown) => expect(format.duration(value)).toBe(shown));
  it.each([[252, "4:12"], [6_760, "1:52:40"], [-3, "0:00"]])("%d seconds left are shown as %s", (value, shown) =>
    expect(format.countdown(value)).toBe(shown));
  it("tells moments by their distance", () => {
    const now = new Date("2026-11-12T14:02:00Z");
    expect(format.ago(new Date("2026-11-12T14:01:30Z"), now)).toBe("just now");
    expect(format.ago(new Date("2026-11-12T13:20:00Z"), now)).toBe("42 min ago");
    expect(format.ago(new Date("2026-11-12T10:00:00Z"), now)).toBe("4 h ago");
  });
});

it("has one clock", () => {
  const at = new Date(2026, 10, 30, 14, 48, 4);
  expect(format.timeOfDay(at)).toBe("14:48:04");
  expect(format.hourAndMinute(at)).toBe("14:48");
  for (const text of [format.minuteWithZone(at), format.exactly(at), format.ago(at, new Date(2026, 11, 3))]) {
    expect(text).toContain("14:48");
    expect(text).not.toMatch(/[AP]M/);
  }
});

it("never cuts the name of a file", () => {
  expect(format.shortPath("src/muster/migrations/versions/0042_dead_letter.py", 32)).toBe("…/versions/0042_dead_letter.py");
  expect(format.shortPath("a.py")).toBe("a.py");
});

it("shows percentages without decimals but near the ends", () => {
  expect(format.percent(0.944)).toBe("94.4%");
  expect(format.percent(0.34)).toBe("34%");
  expect(format.percent(0.004)).toBe("0.4%");
  expect(format.percent(1)).toBe("100%");
});
