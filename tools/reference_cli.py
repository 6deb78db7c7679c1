"""docs/reference/cli.md: every verb, from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from muster.cli.exits import MEANINGS
from muster.cli.main import VERBS, build, load_verb

COMMON = ("--json", "--config", "--data-dir", "--database-url", "--url", "--set")


def render() -> str:
    """The page."""
    lines = [
        "# Command line",
        "",
        "This page is generated from the commands; `muster VERB --help` says the same.",
        "",
        "Answers go to stdout, messages to stderr. With `--json` an answer is one JSON document, and an error is a",
        "JSON object on stderr. Tables are plain when stdout is no terminal or `NO_COLOR` is set. An id may be",
        "given by any part of it that only one recent task has.",
        "",
        "## Options of every verb",
        "",
        *_options([param for param in build().params if set(param.opts) & set(COMMON)]),
        "",
        "They may stand before or after the verb.",
        "",
        "## Exit codes",
        "",
        "| code | meaning |",
        "|---:|---|",
        *(f"| {int(code)} | {meaning} |" for code, meaning in MEANINGS.items()),
        "",
        "`muster run` ends with the exit code of the program it ran.",
    ]
    for verb in VERBS:
        lines += _command(load_verb(verb), f"muster {verb.name}", "##")
    return "\n".join(lines) + "\n"


def _command(command: Any, name: str, heading: str) -> Iterator[str]:
    children = getattr(command, "commands", {})
    yield ""
    yield f"{heading} {name}"
    yield ""
    if children:
        yield " ".join(command.help.split())
        for child, inner in children.items():
            yield from _command(inner, f"{name} {child}", f"{heading}#")
        return
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    usage = " ".join([name, "[OPTIONS]", *(_argument(param) for param in arguments)])
    yield f"    {usage}"
    yield ""
    yield "\n".join(line.strip() for line in command.help.strip().splitlines())
    options = [
        param
        for param in command.params
        if param.param_type_name == "option" and not set(param.opts) & {*COMMON, "--help"}
    ]
    rows = [f"| `{_argument(param)}` | {param.help} |" for param in arguments if param.help]
    table = [*rows, *(_option(param) for param in options)]
    if table:
        yield ""
        yield "| argument or option | meaning |"
        yield "|---|---|"
        yield from table


def _argument(param: Any) -> str:
    name = param.metavar or param.name.upper()
    shown = name if param.required or name.startswith("[") else f"[{name}]"
    return f"{shown}..." if param.nargs == -1 else shown


def _options(params: list[Any]) -> list[str]:
    return ["| option | meaning |", "|---|---|", *(_option(param) for param in params)]


def _option(param: Any) -> str:
    names = ", ".join(f"`{name}`" for name in [*param.opts, *param.secondary_opts])
    value = f" {param.metavar}" if param.metavar else ""
    default = f" Default: {param.default}." if param.default not in (None, False, "", []) else ""
    return f"| {names}{value} | {param.help or ''}{default} |"
