import { expect, test } from "vitest";
import type { Sandbox } from "@/api/operate";
import type { Worker } from "@/api/types";
import { figuresOf, filterSandboxes, machinesOf, poolOf } from "./machines";

const worker = (host: string, facts: Partial<Worker["facts"]> = {}) => ({ id: `w-${host}`, host, running: 1, capacity: 4, facts }) as unknown as Worker;
const box = (id: string, host: string | null) => ({ id, host, title: `Task ${id}`, allow_hosts: [], level: "bubblewrap", state: "running", network: "none" }) as unknown as Sandbox;

test("machines hold their workers and sandboxes, those with something open first", () => {
  const machines = machinesOf([worker("a"), worker("b")], [box("1", "b"), box("2", null)]);
  expect(machines.map((one) => [one.host, one.workers.length, one.sandboxes.length])).toEqual([["b", 1, 1], ["Unknown machine", 0, 1], ["a", 1, 0]]);
});

test("a machine says only what its worker told", () => {
  const gpus = [{ name: "GB10", memory_bytes: 128 * 2 ** 30, memory_used_bytes: 64 * 2 ** 30 }, { name: "T4" }];
  const [told] = machinesOf([worker("a", { processors: 16, load: 4.2, memory_bytes: 2 ** 35, memory_free_bytes: 2 ** 34, gpus } as Worker["facts"])], []);
  expect(figuresOf(told!)).toEqual(["1 of 4 places busy", "load 4.2 on 16 processors", "16 GB of 32 GB memory", "GB10 50% of 128 GB", "T4"]);
  expect(figuresOf(machinesOf([worker("b")], [])[0]!)).toEqual(["1 of 4 places busy"]);
});

test("every word narrows", () => {
  const open = [box("1", "a"), box("2", "b")];
  expect(filterSandboxes(open, "task 2").map((one) => one.id)).toEqual(["2"]);
  expect(filterSandboxes(open, "")).toBe(open);
});

test("a worker's pool says how many stand and how many programs began in one", () => {
  const warm = { wanted: 2, ready: 1, served: 41, missed: 3, memory_bytes: 4 * 2 ** 20 };
  expect(poolOf(worker("a", { warm } as Worker["facts"]))).toEqual({
    words: "1 of 2, 41 used",
    title: "1 sandbox of 2 stand and take 4.0 MB. Since the worker's start 41 programs began in one, 3 had to wait for a new one.",
  });
  expect(poolOf(worker("a"))).toBeNull();
  expect(poolOf(worker("a", { warm: { ...warm, wanted: 0 } } as Worker["facts"]))).toBeNull();
});
