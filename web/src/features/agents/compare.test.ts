import { expect, it } from "vitest";
import type { Agent } from "@/api/types";
import { comparedOf } from "./compare";

function agent(succeeded: number, failed: number, median: number | null): Agent {
  return { id: "a", record: { tasks: 9, looked_at: 9, succeeded, failed, cancelled: 0, cost_usd: 2, median_cost_usd: median, median_seconds: 60 } } as Agent;
}

const row = (label: string, a: Agent, b: Agent) => comparedOf(a, b).find((one) => one.label === label);

it("says how the second is to the first", () => {
  expect(row("Cost of a task, median", agent(9, 1, 0.5), agent(8, 2, 0.4))).toMatchObject({ a: 0.5, b: 0.4, change: "−20%" });
  expect(row("Succeeded", agent(9, 1, 0.5), agent(8, 2, 0.4))?.change).toBe("−10 points");
  expect(row("Time of a task, median", agent(9, 1, 0.5), agent(8, 2, 0.4))?.change).toBe("");
});

it("says where there are too few tasks to compare, and where nothing is known", () => {
  expect(row("Succeeded (of few tasks)", agent(1, 0, null), agent(8, 2, 0.4))).toMatchObject({ a: 1, b: 0.8 });
  expect(row("Cost of a task, median", agent(1, 0, null), agent(8, 2, 0.4))).toMatchObject({ a: null, change: "" });
});
