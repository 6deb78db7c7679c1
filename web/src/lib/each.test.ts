import { expect, test } from "vitest";
import { each } from "./each";

test("one of many that fails keeps none of the others from it, and their order stays", async () => {
  const rows = Array.from({ length: 20 }, (_, at) => at);
  let most = 0;
  let now = 0;
  const { done, failed } = await each(rows, async (row) => {
    most = Math.max(most, (now += 1));
    await Promise.resolve();
    now -= 1;
    if (row === 7) throw new Error("No.");
  });
  expect(done).toEqual(rows.filter((row) => row !== 7));
  expect(failed).toEqual([{ row: 7, error: new Error("No.") }]);
  expect(most).toBeLessThanOrEqual(6);
});
