import { expect, test } from "vitest";
import type { Sandbox } from "@/api/operate";
import { cpuOf, last, networkWords, niceTop, rateOf } from "./usage";

const sample = (second: number, cpu: number) => ({ at: `2026-01-01T00:00:${String(second).padStart(2, "0")}Z`, cpu_seconds: cpu, memory_bytes: 1, processes: 1, disk_bytes: 1, rx_bytes: null as number | null, tx_bytes: null as number | null });
const of = (fields: Partial<Sandbox>) => ({ samples: [], allow_hosts: [], network: "none", ...fields }) as unknown as Sandbox;

test("processor use is time between samples, never below nothing", () => {
  const points = cpuOf(of({ samples: [sample(0, 1), sample(2, 3), sample(4, 2), sample(4, 9)] }));
  expect(points.map((point) => point.value)).toEqual([1, 0]);
  expect(last([])).toBeNull();
});

test("bytes come and go by the second, and what was not counted is no point", () => {
  const moved = (second: number, rx: number | null) => ({ ...sample(second, 1), rx_bytes: rx });
  const samples = [moved(0, null), moved(2, 100), moved(4, 300), moved(6, 300), moved(8, 200)];
  expect(rateOf(of({ samples }), "rx_bytes").map((point) => point.value)).toEqual([100, 0, 0]);
  expect(rateOf(of({ samples }), "tx_bytes")).toEqual([]);
});

test("what a sandbox may reach is said in words", () => {
  expect(networkWords(of({}))).toBe("None");
  expect(networkWords(of({ agent: "claude" }))).toBe("Models only");
  expect(networkWords(of({ network: "hosts", allow_hosts: ["pypi.org", "a.b"] }))).toBe("pypi.org, a.b");
  expect(networkWords(of({ network: "open" }))).toBe("Open");
});

test("a scale ends at a round figure", () => {
  expect(niceTop(0.7, false)).toBe(1);
  expect(niceTop(3.1, false)).toBe(5);
  expect(niceTop(3 * 1024 * 1024, true)).toBe(4 * 1024 * 1024);
  expect(niceTop(0, true)).toBe(1);
});
