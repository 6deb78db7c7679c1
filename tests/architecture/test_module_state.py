"""Importing a module does nothing and keeps nothing: state belongs to objects that bootstrap makes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.source import SRC, Function, Module, dotted, functions, modules, top_level

DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
CONTAINERS = {
    "list",
    "dict",
    "set",
    "bytearray",
    "defaultdict",
    "OrderedDict",
    "Counter",
    "deque",
    "ChainMap",
}
STATEFUL = {
    "Barrier",
    "Condition",
    "Event",
    "Future",
    "Lock",
    "LifoQueue",
    "PriorityQueue",
    "Queue",
    "RLock",
    "Semaphore",
    "SimpleQueue",
    "ThreadPoolExecutor",
    "ProcessPoolExecutor",
    "WeakKeyDictionary",
    "WeakSet",
    "WeakValueDictionary",
    "count",
    "local",
}
STATEFUL_MODULES = {
    "",
    "asyncio",
    "threading",
    "queue",
    "weakref",
    "itertools",
    "concurrent.futures",
    "multiprocessing",
}
MUTATORS = {
    "add",
    "append",
    "appendleft",
    "clear",
    "discard",
    "extend",
    "insert",
    "pop",
    "popitem",
    "popleft",
    "remove",
    "reverse",
    "setdefault",
    "sort",
    "update",
}


def test_a_module_level_container_is_declared_final() -> None:
    loose = [
        f"{module.at(statement)} {name}"
        for module in modules(SRC)
        for statement, name, value in assignments(module)
        if is_container(value) and not is_final(statement) and not name.startswith("__")
    ]
    assert not loose, (
        f"a constant is `NAME: Final = ...`; state belongs to an object made by bootstrap: {loose}"
    )


def test_no_module_holds_locks_queues_or_counters() -> None:
    stateful = [
        f"{module.at(statement)} {name}"
        for module in modules(SRC)
        for statement, name, value in assignments(module)
        if is_stateful(value)
    ]
    assert not stateful, f"make it an attribute of the object that uses it: {stateful}"


def test_no_function_changes_a_module_level_container() -> None:
    changes = [found for module in modules(SRC) for found in changed_globals(module)]
    assert not changes, f"state belongs to an object made by bootstrap, not to a module: {changes}"


def test_importing_a_module_does_nothing() -> None:
    effects = [
        module.at(statement)
        for module in modules(SRC)
        if not module.is_in("store/migrations/env.py")
        for statement in effects_of_import(module)
    ]
    assert not effects, f"do it in a function that somebody calls: {effects}"


def assignments(module: Module) -> Iterator[tuple[ast.stmt, str, ast.expr]]:
    for statement in top_level(module.tree):
        match statement:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    yield statement, dotted(target), value
            case ast.AnnAssign(target=target, value=value) if value is not None:
                yield statement, dotted(target), value
            case _:
                continue


def is_container(value: ast.expr) -> bool:
    if isinstance(value, DISPLAYS):
        return True
    return isinstance(value, ast.Call) and called(value).rpartition(".")[2] in CONTAINERS


def is_stateful(value: ast.expr) -> bool:
    if not isinstance(value, ast.Call):
        return False
    module, _, name = called(value).rpartition(".")
    return name in STATEFUL and module in STATEFUL_MODULES


def called(call: ast.Call) -> str:
    func = call.func.value if isinstance(call.func, ast.Subscript) else call.func
    return dotted(func)


def is_final(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.AnnAssign) and "Final" in ast.unparse(statement.annotation)


def changed_globals(module: Module) -> Iterator[str]:
    shared = {name for _, name, value in assignments(module) if is_container(value)}
    for function in functions(module.tree):
        outer = shared - local_names(function)
        for node in ast.walk(function):
            if isinstance(node, ast.Global):
                yield f"{module.at(node)} global {', '.join(node.names)}"
            elif (name := changed_name(node)) in outer:
                yield f"{module.at(node)} {name}"


def local_names(function: Function) -> set[str]:
    arguments = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
    stored = {
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return arguments | stored


def changed_name(node: ast.AST) -> str | None:
    match node:
        case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
            return name
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)) if attr in MUTATORS:
            return name
        case _:
            return None


def effects_of_import(module: Module) -> Iterator[ast.stmt]:
    """Loops, and calls whose answer is dropped, unless they complete something this module defines."""
    own = {name for _, name, _ in assignments(module)}
    for statement in top_level(module.tree):
        if isinstance(statement, ast.For | ast.While | ast.With | ast.Delete):
            yield statement
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            root = called(statement.value).partition(".")[0].partition("(")[0]
            if root not in own:
                yield statement
