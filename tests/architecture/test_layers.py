"""What a layer may know; that imports point down only is import-linter's part of `make check`."""

from __future__ import annotations

import ast

from tests.architecture.source import SRC, Module, dotted, imports, modules

PURE_STDLIB = {
    "__future__",
    "abc",
    "base64",
    "bisect",
    "collections",
    "copy",
    "dataclasses",
    "decimal",
    "difflib",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "heapq",
    "hmac",
    "ipaddress",
    "itertools",
    "json",
    "keyword",
    "math",
    "operator",
    "re",
    "string",
    "struct",
    "textwrap",
    "types",
    "typing",
    "unicodedata",
}
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv"}
# The shipped agents are programs of their own, which the worker gives an environment.
READS_SETTINGS = ("bootstrap", "agents/programs")


def test_the_domain_imports_nothing_that_can_act() -> None:
    """Domain code takes values and returns values: no clock, no I/O, no environment, no randomness."""
    allowed = PURE_STDLIB | {"muster"}
    impure = [
        f"{module.at(node)} imports {name}"
        for module in modules(SRC)
        if module.is_in("domain")
        for node, name in imports(module.tree)
        if name.partition(".")[0] not in allowed
    ]
    assert not impure, f"give the value as an argument; the effect belongs to an adapter: {impure}"


def test_the_domain_is_not_asynchronous_and_opens_nothing() -> None:
    acting = [
        module.at(node)
        for module in modules(SRC)
        if module.is_in("domain")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.AsyncFunctionDef | ast.Await)
        or (isinstance(node, ast.Call) and dotted(node.func) in {"open", "input", "print", "exec", "eval"})
    ]
    assert not acting, f"the domain decides, others act: {acting}"


def test_only_bootstrap_reads_the_environment() -> None:
    readers = [
        f"{module.at(node)} {read}"
        for module in modules(SRC)
        if not module.is_in(*READS_SETTINGS)
        for node, read in environment_reads(module)
    ]
    assert not readers, f"modules take values; bootstrap reads the environment and hands them over: {readers}"


def environment_reads(module: Module) -> list[tuple[ast.AST, str]]:
    attributes = [(node, dotted(node)) for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)]
    return [(node, name) for node, name in [*attributes, *imports(module.tree)] if name in ENVIRONMENT]


def test_background_work_is_never_started_and_forgotten() -> None:
    """The linter bans asyncio.create_task; by way of the loop a task may be made, but must be kept."""
    forgotten = [
        f"{module.at(node)} {name}"
        for module in modules(SRC)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        if (name := dotted(node.value.func)).endswith((".create_task", ".ensure_future"))
        if "loop" in name.rpartition(".")[0].lower()
    ]
    assert not forgotten, (
        f"use asyncio.TaskGroup, or the engine's supervisor for a background loop: {forgotten}"
    )
