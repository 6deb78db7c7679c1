import { describe, expect, it } from "vitest";
import { layout, neighbour } from "./layers";

const steps = (...keys: string[]) => keys.map((key) => ({ key, value: key }));
const links = (...pairs: string[]) => pairs.map((pair) => ({ from: pair[0]!, to: pair[1]! }));
const places = (made: ReturnType<typeof layout<string>>) => Object.fromEntries(made.steps.map((step) => [step.key, [step.layer, step.row]]));

describe("the graph of a task", () => {
  it("puts each step behind all that come before it", () =>
    expect(places(layout(steps("d", "c", "b", "a"), links("ab", "ac", "bd", "cd", "ad")))).toEqual({ a: [0, 0], c: [1, 0], b: [1, 1], d: [2, 0] }));
  it("keeps a step near to those it follows", () =>
    expect(places(layout(steps("a", "b", "y", "x"), links("ax", "by")))).toEqual({ a: [0, 0], b: [0, 1], x: [1, 0], y: [1, 1] }));
  it("folds more than eight that stand for each other, not fewer", () => {
    const many = Array.from({ length: 12 }, (_, index) => String.fromCharCode(98 + index));
    const made = layout(steps("a", ...many, "z"), many.flatMap((key) => links(`a${key}`, `${key}z`)));
    expect(made.steps).toHaveLength(3);
    expect(made.steps.find((step) => step.key === "b")?.folded).toHaveLength(12);
    expect(made.links).toEqual(links("ab", "bz"));
    expect(layout(steps("a", ...many.slice(0, 8)), many.slice(0, 8).flatMap((key) => links(`a${key}`))).steps).toHaveLength(9);
  });
  it("ends where steps go in a circle, and ignores links to what is not there", () => {
    expect(layout(steps("a", "b"), links("ab", "ba", "ax")).steps).toHaveLength(2);
    expect(layout<string>([], [])).toMatchObject({ steps: [], rows: 0, layers: 0 });
  });
  it("is walked with the arrows along its links", () => {
    const made = layout(steps("a", "b", "c", "d"), links("ab", "ac", "bd", "cd"));
    expect([neighbour(made, "a", "ArrowRight"), neighbour(made, "b", "ArrowDown"), neighbour(made, "c", "ArrowUp"), neighbour(made, "d", "ArrowLeft")]).toEqual(["b", "c", "b", "b"]);
    expect([neighbour(made, "a", "ArrowLeft"), neighbour(made, "d", "ArrowRight"), neighbour(made, "a", "x")]).toEqual([null, null, null]);
  });
});
