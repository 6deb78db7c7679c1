import { expect, test } from "vitest";
import type { Item } from "./items";
import { heldOf } from "./still";

const item = (id: string, more: Partial<Item> = {}): Item => ({ id, kind: "question", ...more });

test("rows keep their places, what came waits, and what went stays until nobody points at it", () => {
  const held = heldOf([item("b"), item("a")], [item("new"), item("a", { kind: "expired" })]);
  expect(held.rows.map(({ id, kind }) => [id, kind])).toEqual([["b", "question"], ["a", "expired"]]);
  expect([...held.gone]).toEqual(["b"]);
  expect(held.more).toBe(1);
});
