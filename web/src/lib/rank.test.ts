import { expect, it } from "vitest";
import { fit, ranked } from "./rank";

it.each([["Queues", "queues", 0], ["Go to Queues", "go", 1], ["Go to Queues", "que", 2], ["Go to Queues", "ueu", 3], ["Go to Queues", "gtq", 4], ["Go to Queues", "x", null], ["Anything", "", 3]])(
  "%s fits %s as %s", (text, words, how) => expect(fit(text, words)).toBe(how),
);

it("puts what fits best first, and mere letters only where nothing fits better", () => {
  const all = ["New queue", "Go to Queues", "queue"].map((label) => ({ label }));
  expect(ranked(all, "queue").map((one) => one.label)).toEqual(["queue", "New queue", "Go to Queues"]);
  expect(ranked(all, "gtq").map((one) => one.label)).toEqual(["Go to Queues"]);
});
