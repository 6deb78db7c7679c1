import type { ScriptInput } from "@/api/types";

export type Values = Record<string, string | boolean>;

/** What a form starts with: the defaults. */
export function startOf(inputs: ScriptInput[]): Values {
  return Object.fromEntries(inputs.map((input) => [input.name, input.type === "bool" ? input.default === true : input.default === null || input.default === undefined ? "" : String(input.default)]));
}

/** What is wrong with the values, by input. The server checks them again. */
export function problemsOf(inputs: ScriptInput[], values: Values): Record<string, string> {
  const found: Record<string, string> = {};
  for (const input of inputs) {
    const value = values[input.name] ?? "";
    if (typeof value === "boolean") continue;
    const text = value.trim();
    if (!text) {
      if (input.required) found[input.name] = "It must be given.";
    } else if (input.type === "int" && !/^[+-]?\d+$/.test(text)) found[input.name] = "A whole number.";
    else if (input.type === "float" && !Number.isFinite(Number(text))) found[input.name] = "A number.";
  }
  return found;
}

/** The values as they are sent: what is left empty is left out, so that its default holds. */
export function inputsOf(inputs: ScriptInput[], values: Values): Record<string, string | number | boolean> {
  const sent: Record<string, string | number | boolean> = {};
  for (const input of inputs) {
    const value = values[input.name] ?? "";
    if (typeof value === "boolean") sent[input.name] = value;
    else if (value !== "" && (input.type === "int" || input.type === "float")) sent[input.name] = Number(value);
    else if (value !== "") sent[input.name] = value;
  }
  return sent;
}
