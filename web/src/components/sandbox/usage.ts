import type { Sandbox } from "@/api/operate";

export interface Point {
  at: number;
  value: number;
}

/** How many processors' worth of time was used between samples: 1 is one processor, busy. */
export function cpuOf(sandbox: Sandbox): Point[] {
  const points: Point[] = [];
  for (let index = 1; index < sandbox.samples.length; index += 1) {
    const before = sandbox.samples[index - 1]!;
    const after = sandbox.samples[index]!;
    const seconds = (Date.parse(after.at) - Date.parse(before.at)) / 1000;
    if (seconds > 0) points.push({ at: Date.parse(after.at), value: Math.max(after.cpu_seconds - before.cpu_seconds, 0) / seconds });
  }
  return points;
}

export function seriesOf(sandbox: Sandbox, name: "memory_bytes" | "disk_bytes" | "processes"): Point[] {
  return sandbox.samples.map((sample) => ({ at: Date.parse(sample.at), value: sample[name] }));
}

/** Bytes a second that came or went between samples. Without what was not counted. */
export function rateOf(sandbox: Sandbox, name: "rx_bytes" | "tx_bytes"): Point[] {
  const points: Point[] = [];
  for (let index = 1; index < sandbox.samples.length; index += 1) {
    const before = sandbox.samples[index - 1]!;
    const after = sandbox.samples[index]!;
    const [from, to] = [before[name], after[name]];
    const seconds = (Date.parse(after.at) - Date.parse(before.at)) / 1000;
    if (from !== null && to !== null && seconds > 0) points.push({ at: Date.parse(after.at), value: Math.round(Math.max(to - from, 0) / seconds) });
  }
  return points;
}

/** The last of a series; null where there is none. */
export function last(points: Point[]): number | null {
  return points.at(-1)?.value ?? null;
}

export function networkWords(sandbox: Sandbox): string {
  switch (sandbox.network) {
    case "none":
      return sandbox.agent ? "Models only" : "None";
    case "hosts":
      return sandbox.allow_hosts.join(", ");
    default:
      return "Open";
  }
}

/** The top of a scale: 1, 2 or 5 times a power of ten (or of two, for bytes) that is not below a value. */
export function niceTop(value: number, binary: boolean): number {
  if (value <= 0) return 1;
  const base = binary ? 1024 : 10;
  let unit = 1;
  while (binary && unit * base <= value) unit *= base;
  if (!binary) unit = 10 ** Math.floor(Math.log10(value));
  const steps = binary ? [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] : [1, 2, 5, 10];
  return unit * (steps.find((step) => unit * step >= value) ?? base);
}
