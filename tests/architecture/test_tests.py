"""Tests wait on signals, use real things, and are found."""

from __future__ import annotations

import ast

from tests.architecture.source import TESTS, calls, functions, imports, modules

MAY_SLEEP = {"tests/waiting.py"}


def test_no_test_sleeps() -> None:
    sleeping = [
        module.at(call)
        for module in modules(TESTS)
        if module.name not in MAY_SLEEP
        for call, name in calls(module.tree)
        if name in {"time.sleep", "asyncio.sleep", "sleep"} and not yields_only(call)
    ]
    assert not sleeping, f"wait on an event with a timeout, or use tests.waiting.eventually: {sleeping}"


def yields_only(call: ast.Call) -> bool:
    return bool(call.args) and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0


def test_no_test_uses_a_mock() -> None:
    mocking = [
        f"{module.at(node)} {name}"
        for module in modules(TESTS)
        for node, name in imports(module.tree)
        if name.startswith(("unittest.mock", "pytest_mock", "mock."))
    ]
    assert not mocking, f"use the real thing, or write a small honest fake: {mocking}"


def test_every_test_is_in_a_module_that_pytest_collects() -> None:
    lost = [
        f"{module.at(function)} {function.name}"
        for module in modules(TESTS)
        if not module.path.name.startswith("test_")
        for function in functions(module.tree)
        if function.name.startswith("test_")
    ]
    assert not lost, f"move it to a file named test_*.py: {lost}"


def test_no_test_is_hidden_by_another_of_the_same_name() -> None:
    hidden: list[str] = []
    for module in modules(TESTS):
        scopes: list[ast.Module | ast.ClassDef] = [module.tree]
        scopes += [node for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)]
        for scope in scopes:
            names = [
                node.name for node in scope.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            ]
            hidden += [
                f"{module.name} {name}" for name in set(names) if names.count(name) > 1 and "test" in name
            ]
    assert not hidden, f"only the last of them runs; rename: {hidden}"
