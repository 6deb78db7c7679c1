import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { useDraft } from "./useDraft";

type Draft = ReturnType<typeof useDraft<{ name: string; words: string }>>;
let root: Root;
let draft: Draft;
const queries = new QueryClient();

function Form({ saved }: { saved: { name: string; words: string } }) {
  draft = useDraft(saved);
  return null;
}
const show = (name: string, words: string) => act(() => root.render(<QueryClientProvider client={queries}><Form saved={{ name, words }} /></QueryClientProvider>));
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

test("what was saved is forgotten though somebody else's words are all that was ever seen after it", async () => {
  show("line", "");
  type({ name: "mine", words: "Run the tests." });
  const saved = Promise.resolve();
  draft.saving(saved);
  show("theirs", "");
  type({ words: "Run the tests first." });
  await act(async () => { await saved; await queries.invalidateQueries(); });
  expect(draft.values).toEqual({ name: "theirs", words: "Run the tests first." });
});

test("what could not be saved stays", async () => {
  show("line", "");
  type({ words: "Run the tests." });
  const saved = Promise.reject(new Error("away"));
  draft.saving(saved);
  await act(async () => { await saved.catch(() => undefined); await queries.invalidateQueries(); });
  expect(draft.changed("words")).toBe(true);
});
