import { expect, test } from "vitest";
import { problemsSaid } from "./problems";

test("what failed blocks nobody only when nobody waits for it", () => {
  expect(problemsSaid(0, 0)).toBe("No task has failed for good.");
  expect(problemsSaid(2, 0)).toBe("2 tasks failed for good and block nobody.");
  expect(problemsSaid(1, 1)).toBe("1 task failed for good, and 1 open task waits for what will not be done.");
  expect(problemsSaid(0, 3)).toBe("No task failed for good, and 3 open tasks wait for what will not be done.");
});
