"""Calls in words of no agent become the tools that an agent declares, whatever it calls them."""

from __future__ import annotations

from typing import Any

import pytest

from muster.testing.conversation import Asked, Item, Tool
from muster.testing.scenarios import ToolCall
from muster.testing.tool_mapping import map_call

WHERE = "Primary working directory: /repo\n"


def asked(*tools: Tool, items: tuple[Item, ...] = ()) -> Asked:
    named = {f"{tool.namespace}.{tool.name}" if tool.namespace else tool.name: tool for tool in tools}
    return Asked(dialect="any", model="m", stream=False, tools=named, items=items, system=WHERE, body={})


def tool(name: str, *fields: str, kind: str = "function", **schemas: Any) -> Tool:
    properties = {field: {"type": "string"} for field in fields} | schemas
    return Tool(name=name, kind=kind, schema={"properties": properties, "required": [*fields, *schemas]})


EDIT = ToolCall("edit", {"path": "a.py", "old": "x", "new": "y"})
SHELL = ToolCall("shell", {"command": "ls"})


@pytest.mark.parametrize(
    ("declared", "call", "expected"),
    [
        (tool("Read", "file_path"), ToolCall("read", {"path": "a.py"}), {"file_path": "/repo/a.py"}),
        (
            tool("replace", "file_path", "old_string", "new_string", "instruction"),
            EDIT,
            {
                "file_path": "/repo/a.py",
                "old_string": "x",
                "new_string": "y",
                "instruction": "scripted step",
            },
        ),
        (
            tool("edit", "path", edits={"type": "array"}),
            EDIT,
            {"path": "/repo/a.py", "edits": [{"oldText": "x", "newText": "y"}]},
        ),
        (
            tool("write", "filePath", "content"),
            ToolCall("write", {"path": "/abs/b", "content": "c"}),
            {"filePath": "/abs/b", "content": "c"},
        ),
        (tool("shell", command={"type": "array"}), SHELL, {"command": ["bash", "-lc", "ls"]}),
        (
            tool("bash", "command", "description", background={"type": "boolean"}),
            SHELL,
            {"command": "ls", "description": "scripted command", "background": False},
        ),
        (
            tool("todowrite", todos={"items": {"properties": {"content": {}, "priority": {}}}}),
            ToolCall("plan", {"items": ["one", "two"], "done": 1}),
            {
                "todos": [
                    {"content": "one", "status": "completed", "priority": "medium"},
                    {"content": "two", "status": "in_progress", "priority": "medium"},
                ]
            },
        ),
        (
            tool("TaskCreate", "subject", "description"),
            ToolCall("plan", {"items": ["one"], "done": 0}),
            {"subject": "one", "description": "one"},
        ),
        (
            tool("mcp__muster__ask_human", "question"),
            ToolCall("mcp", {"tool": "ask_human", "arguments": {"question": "q", "extra": 1}}),
            {"question": "q"},
        ),
    ],
)
def test_a_call_fits_the_declared_tool(declared: Tool, call: ToolCall, expected: dict[str, Any]) -> None:
    mapped = map_call(call, asked(declared))
    assert mapped is not None
    assert (mapped.name, mapped.arguments) == (declared.name, expected)


def test_without_a_tool_of_its_kind_the_shell_does_it_and_without_a_shell_nothing() -> None:
    for call in (EDIT, ToolCall("read", {"path": "a"}), ToolCall("write", {"path": "a", "content": "b"})):
        mapped = map_call(call, asked(tool("Bash", "command")))
        assert mapped is not None
        assert mapped.name == "Bash"
        assert map_call(call, asked()) is None


def test_codex_gets_patches_with_the_whole_line_it_was_shown() -> None:
    patcher, seen = tool("apply_patch", kind="custom"), Item("result", "     3\t    return x  # ex")
    mapped = map_call(EDIT, asked(patcher, items=(seen,)))
    assert mapped is not None
    assert "-    return x  # ex\n+    return y  # ey\n" in mapped.script
    by_code = map_call(EDIT, asked(tool("exec", kind="custom"), items=(seen,)))
    assert by_code is not None
    assert by_code.script.startswith("const r = await tools.apply_patch(")


def test_codex_asks_to_leave_its_sandbox_only_when_told_to() -> None:
    shell = tool("exec_command", "cmd", sandbox_permissions={"type": "string"})
    plain = map_call(ToolCall("shell", {"command": "ls", "outside": True}), asked(shell))
    assert plain is not None
    assert plain.arguments["sandbox_permissions"] == "require_escalated"


def test_a_tool_that_is_kept_back_is_looked_up_first() -> None:
    call = ToolCall("mcp", {"tool": "claim", "arguments": {}})
    search = tool("ToolSearch", "query")
    mapped = map_call(call, asked(search))
    assert mapped is not None
    assert mapped.arguments == {"query": "select:mcp__muster__claim", "max_results": 5}
    found = map_call(call, asked(search, items=(Item("search", "found"),) * 3))
    assert found is not None
    assert found.name == "mcp__muster__claim"
    grouped = Tool(name="claim", namespace="muster")
    named = map_call(call, asked(grouped))
    assert named is not None
    assert (named.name, named.namespace) == ("claim", "muster")
