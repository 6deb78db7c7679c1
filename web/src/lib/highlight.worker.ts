// Colours code away from the window's own thread. Asked with lines of text, answers with runs of classes.
import bash from "refractor/bash";
import { refractor } from "refractor/core";
import css from "refractor/css";
import diff from "refractor/diff";
import go from "refractor/go";
import ini from "refractor/ini";
import java from "refractor/java";
import json from "refractor/json";
import jsx from "refractor/jsx";
import markdown from "refractor/markdown";
import markup from "refractor/markup";
import python from "refractor/python";
import ruby from "refractor/ruby";
import rust from "refractor/rust";
import sql from "refractor/sql";
import toml from "refractor/toml";
import tsx from "refractor/tsx";
import yaml from "refractor/yaml";
import type { Answer, Question, Run } from "./highlight";

for (const language of [bash, css, diff, go, ini, java, json, jsx, markdown, markup, python, ruby, rust, sql, toml, tsx, yaml]) refractor.register(language);

type Node = ReturnType<typeof refractor.highlight>["children"][number];

/** The tokens that are coloured; all others look like text. */
const CLASSES: Record<string, string> = {
  keyword: "k", boolean: "n", number: "n", constant: "n", symbol: "n", string: "s", char: "s", regex: "s", "attr-value": "s", url: "s", "template-string": "s", "triple-quoted-string": "s",
  comment: "c", prolog: "c", doctype: "c", cdata: "c", tag: "k", selector: "k", atrule: "k", important: "k", property: "n", "attr-name": "n", key: "n", builtin: "n", decorator: "n", annotation: "n", title: "k",
};

function classOf(names: unknown, outer: string): string {
  if (!Array.isArray(names)) return outer;
  for (const name of names) if (typeof name === "string" && CLASSES[name]) return CLASSES[name];
  return outer;
}

function flatten(nodes: Node[], outer: string, into: Run[]): void {
  for (const node of nodes) {
    if (node.type === "text") into.push({ text: node.value, kind: outer });
    else if (node.type === "element") flatten(node.children as Node[], classOf(node.properties.className, outer), into);
  }
}

/** Runs of one text, line by line. */
function linesOf(text: string, language: string): Run[][] {
  const runs: Run[] = [];
  flatten(refractor.highlight(text, language).children, "", runs);
  const lines: Run[][] = [[]];
  for (const run of runs) {
    run.text.split("\n").forEach((part, index) => {
      if (index > 0) lines.push([]);
      if (part) lines.at(-1)!.push({ text: part, kind: run.kind });
    });
  }
  return lines;
}

addEventListener("message", ({ data }: MessageEvent<Question>) => {
  const lines = refractor.registered(data.language) ? data.texts.map((text) => linesOf(text, data.language)) : [];
  postMessage({ id: data.id, lines } satisfies Answer);
});
