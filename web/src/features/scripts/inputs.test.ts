import { describe, expect, test } from "vitest";
import type { ScriptInput } from "@/api/types";
import { inputsOf, problemsOf, startOf } from "./inputs";

const input = (name: string, type: string, more: Partial<ScriptInput> = {}): ScriptInput => ({ name, type, required: false, default: null, choices: [], description: "", ...more });
const inputs = [input("who", "string", { required: true }), input("times", "int", { default: 2 }), input("share", "float"), input("loud", "bool", { default: true })];

describe("the form of a script", () => {
  test("starts with the defaults", () => {
    expect(startOf(inputs)).toEqual({ who: "", times: "2", share: "", loud: true });
  });
  test("says what is missing and what is no number", () => {
    expect(problemsOf(inputs, { who: " ", times: "2.5", share: "x", loud: false })).toEqual({ who: "It must be given.", times: "A whole number.", share: "A number." });
    expect(problemsOf(inputs, { who: "me", times: "", share: "1e3", loud: false })).toEqual({});
  });
  test("sends values as what they are, and nothing for what is empty", () => {
    expect(inputsOf(inputs, { who: "me", times: "3", share: "", loud: false })).toEqual({ who: "me", times: 3, loud: false });
  });
});
