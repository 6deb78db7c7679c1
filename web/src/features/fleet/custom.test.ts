import { expect, test } from "vitest";
import { readCustom, USUAL } from "./custom";

test("what somebody hid stays hidden, and its order stays", () => {
  const kept = { sections: ["agents", "needs"], cells: [], columns: ["agent", "cost"] };
  expect(readCustom(JSON.parse(JSON.stringify(kept)))).toEqual(kept);
});

test("names that mean nothing any more are left out, and the agent is always a column", () => {
  expect(readCustom({ sections: ["agents", "old"], cells: ["spend", "spend"], columns: ["cost", "gone"] }))
    .toEqual({ sections: ["agents"], cells: ["spend"], columns: ["agent", "cost"] });
});

test("nonsense is the usual", () => {
  for (const value of [null, 7, "x", {}, { sections: [], columns: [] }]) expect(readCustom(value)).toBeNull();
  expect(readCustom(USUAL)).toEqual(USUAL);
});
