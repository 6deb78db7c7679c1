import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { useDraft } from "./useDraft";

type Draft = ReturnType<typeof useDraft<{ name: string; words: string }>>;
let root: Root;
let draft: Draft;

function Form({ saved }: { saved: { name: string; words: string } }) {
  draft = useDraft(saved);
  return null;
}
const show = (name: string, words: string) => act(() => root.render(<Form saved={{ name, words }} />));
const type = (part: Partial<{ name: string; words: string }>) => act(() => draft.set(part));

beforeEach(() => {
  (globalThis as Record<string, unknown>).IS_REACT_ACT_ENVIRONMENT = true;
  root = createRoot(document.createElement("div"));
});
afterEach(() => act(() => root.unmount()));

test("what nobody typed follows what is saved", () => {
  show("line", "");
  show("queue", "Run the tests.");
  expect(draft.values).toEqual({ name: "queue", words: "Run the tests." });
  expect(draft.changed()).toBe(false);
});

test("what was typed stays when another field, or the same one, is saved by somebody else", () => {
  show("line", "");
  type({ words: "Run the tests." });
  show("queue", "");
  expect(draft.values).toEqual({ name: "queue", words: "Run the tests." });
  expect([draft.changed("name"), draft.changed("words"), draft.overtaken("words")]).toEqual([false, true, false]);
  show("queue", "Write the docs.");
  expect([draft.values.words, draft.overtaken("words")]).toEqual(["Run the tests.", true]);
});

test("what was typed is forgotten once it is saved, and when it is dropped", () => {
  show("line", "");
  type({ words: "Run the tests." });
  show("line", "Run the tests.");
  expect(draft.changed()).toBe(false);
  show("line", "Write the docs.");
  expect(draft.values.words).toBe("Write the docs.");
  type({ name: "other" });
  act(() => draft.drop());
  expect(draft.values.name).toBe("line");
});
