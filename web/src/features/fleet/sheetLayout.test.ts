import { expect, test } from "vitest";
import type { FleetRow } from "@/api/types";
import { at, layOut, PITCH, place } from "./sheetLayout";

const agents = (counts: Partial<Record<FleetRow["state"], number>>) =>
  Object.entries(counts).flatMap(([state, many]) => Array.from({ length: many }, (_, n) => ({ agent_id: `${state}-${n}`, attempt_id: null, state }) as FleetRow));

test("a machine of a thousand agents is a handful of rectangles that cover each of them once", () => {
  const [block] = layOut([{ key: "m", heading: null, rows: agents({ idle: 400, running: 577, waiting: 23 }) }]);
  expect(block!.rects.length).toBeLessThan(10);
  expect(block!.rects.reduce((sum, rect) => sum + (rect.width * rect.height) / PITCH ** 2, 0)).toBe(1000);
});

test("the agent under a point is the one that is drawn there, what asks for something first", () => {
  const [block] = layOut([{ key: "m", heading: null, rows: agents({ idle: 30, waiting: 5 }) }]);
  expect(block!.rows[0]!.state).toBe("waiting");
  for (const index of [0, 4, 5, 17, 34]) {
    const { x, y } = place(block!, index);
    expect(at(block!, x + 3, y + 3)).toBe(index);
    const state = block!.rects.find((rect) => x >= rect.x && x < rect.x + rect.width && y >= rect.y && y < rect.y + rect.height)!.state;
    expect(state).toBe(block!.rows[index]!.state);
  }
  expect(at(block!, 5_000, 2)).toBe(-1);
});
