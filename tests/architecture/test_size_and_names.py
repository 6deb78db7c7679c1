"""Files and functions stay small, and a file's name says what is in it."""

from __future__ import annotations

import ast
import re

from tests.architecture.source import OWN_PYTHON, SRC, TESTS, body_lines, functions, modules

MODULE_LINES = 600
TEST_MODULE_LINES = 800
FUNCTION_LINES = 40
NAMES_THAT_SAY_NOTHING = re.compile(r"(.*_)?(utils?|helpers?|common|base|managers?|misc)")
MIGRATIONS = "store/migrations"


def test_no_module_is_longer_than_600_lines() -> None:
    long = [f"{module.name}: {module.lines} lines" for module in modules(SRC) if module.lines > MODULE_LINES]
    assert not long, f"split by noun (over 400 lines is a question, over {MODULE_LINES} a failure): {long}"


def test_no_test_module_is_longer_than_800_lines() -> None:
    long = [
        f"{module.name}: {module.lines} lines"
        for module in modules(TESTS)
        if module.lines > TEST_MODULE_LINES
    ]
    assert not long, f"split by behaviour (over {TEST_MODULE_LINES} lines): {long}"


def test_no_function_body_is_longer_than_40_lines() -> None:
    long = [
        f"{module.at(function)} {function.name}: {lines} lines"
        for module in modules(SRC)
        if not module.is_in(MIGRATIONS)
        for function in functions(module.tree)
        if (lines := body_lines(function)) > FUNCTION_LINES
    ]
    assert not long, (
        f"make it a list of steps, each a function named for what happens (over {FUNCTION_LINES}): {long}"
    )


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = [
        module.name
        for folder in OWN_PYTHON
        for module in modules(folder)
        for part in module.path.relative_to(folder).with_suffix("").parts
        if NAMES_THAT_SAY_NOTHING.fullmatch(part)
    ]
    assert not vague, f"name the module for its noun, or move the code to the noun it serves: {vague}"


def test_every_package_says_what_it_is_for() -> None:
    packages = {module.path.parent for module in modules(SRC)}
    missing = [
        str(package.relative_to(SRC.parent)) for package in packages if not (package / "__init__.py").exists()
    ]
    assert not missing, f"add an __init__.py: {missing}"
    silent = [
        module.name
        for module in modules(SRC)
        if module.path.name == "__init__.py" and not ast.get_docstring(module.tree)
    ]
    assert not silent, f"add a docstring, one sentence: {silent}"


def test_every_error_explains_itself() -> None:
    silent = [
        f"{module.at(node)} {node.name}"
        for module in modules(SRC)
        if module.is_in("domain/errors.py")
        for node in module.tree.body
        if isinstance(node, ast.ClassDef) and not ast.get_docstring(node)
    ]
    assert not silent, f"an error's docstring is its message; add one: {silent}"
