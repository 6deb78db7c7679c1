import { expect, it } from "vitest";
import { newsOf } from "./news";

const at = (waiting: number, succeeded: number, failed: number) => ({ waiting, succeeded, failed });

it("tells what came, and not what went", () => {
  expect(newsOf(at(1, 4, 0), at(3, 6, 1))).toBe("3 waiting on you. 2 tasks finished. 1 task failed.");
  expect(newsOf(at(3, 4, 2), at(1, 4, 1))).toBe("");
});
