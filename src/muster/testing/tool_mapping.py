"""From calls in words of no agent to the tools that the agent declared, by their names and schemas."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from muster.agents.wire import count, obj, text, texts
from muster.testing.conversation import Asked, Call, Json, Tool
from muster.testing.patches import patched_file, removed_and_added
from muster.testing.scenarios import ToolCall

_SHELLS: Final = (
    "Bash",
    "bash",
    "run_shell_command",
    "exec_command",
    "shell_command",
    "shell",
    "execute_bash",
    "terminal",
    "exec",
    "run_command",
    "execute_command",
)
_READERS: Final = ("Read", "read_file", "read", "view", "view_file")
_WRITERS: Final = ("Write", "write_file", "write", "create_file")
_EDITORS: Final = ("Edit", "replace", "edit", "str_replace", "edit_file")
_PLANNERS: Final = ("update_plan", "TodoWrite", "todowrite", "todo_write", "write_todos", "task_list")
_PATHS: Final = ("file_path", "filePath", "absolute_path", "path")
_OLD: Final = ("old_string", "oldString", "old_str", "old")
_NEW: Final = ("new_string", "newString", "new_str", "new")
_MOST_SEARCHES: Final = 3
_FOLDER: Final = tuple(
    re.compile(words)
    for words in (
        r"<cwd>([^<\n]+)</cwd>",
        r"(?i)workspace directories:\**\s*-?\s*(/[^\s`'\"]+)",
        r"(?i)(?:primary |current )?working directory(?: is)?:?\s*[`'\"]?(/[^\s`'\"]+)",
        r"(?i)working in the directory:?\s*[`'\"]?(/[^\s`'\"]+)",
        r"(?i)(?:workspace|project)(?: root)?(?: director(?:y|ies))?[^/\n]{0,40}\n?\s*-?\s*[`'\"]?(/[^\s`'\"]+)",
    )
)


def map_call(call: ToolCall, asked: Asked) -> Call | None:
    """The agent's own call for it; None when it has no such tool."""
    return _MAPPERS[call.kind](call.fields, asked)


def folder_of(asked: Asked) -> str:
    """The agent's working directory, as it tells the model; empty where it does not."""
    told = [item.text for item in asked.items if item.role == "user"]
    hay = "\n".join([*told[-3:], asked.system, *told])
    found = (words.search(hay) for words in _FOLDER)
    return next((match[1].rstrip("/.,") for match in found if match), "")


def with_required(tool: Tool, arguments: Json) -> Json:
    """Every required argument that the script does not know, with a harmless value."""
    missing = (name for name in texts(tool.schema.get("required")) if name not in arguments)
    return arguments | {name: _harmless(obj(tool.properties.get(name))) for name in missing}


def _harmless(schema: Json) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    match schema.get("type"):
        case "boolean":
            return False
        case "integer" | "number":
            return 10
        case "array":
            return []
        case "object":
            return {}
        case _:
            return "scripted step"


def _pick(asked: Asked, names: Sequence[str], *, taking: Sequence[str] = ()) -> Tool | None:
    for name in names:
        tool = asked.tools.get(name)
        if tool is not None and (not taking or any(argument in tool.properties for argument in taking)):
            return tool
    return None


def _named(tool: Tool, names: Sequence[str]) -> str:
    return next((name for name in names if name in tool.properties), names[0])


def _full(path: str, asked: Asked) -> str:
    folder = folder_of(asked)
    return path if path.startswith("/") or not folder else f"{folder}/{path}"


def _in_code_mode(asked: Asked) -> bool:
    """Codex's newest models have one tool, which takes a program that calls the others."""
    tool = asked.tools.get("exec")
    return tool is not None and tool.kind == "custom"


def _by_code(tool: str, argument: Any) -> Call:
    program = f"const r = await tools.{tool}({json.dumps(argument)});\ntext(r);"
    return Call(name="exec", kind="custom", script=program)


def shell(fields: Json, asked: Asked) -> Call | None:
    """Run a command. `outside` asks to run it outside of the agent's own sandbox, where there is one."""
    command = text(fields.get("command"))
    outside = {"sandbox_permissions": "require_escalated", "justification": "May I run it outside?"}
    if _in_code_mode(asked):
        return _by_code("exec_command", {"cmd": command, **(outside if fields.get("outside") else {})})
    tool = _pick(asked, _SHELLS)
    if tool is None:
        local = {"command": ["bash", "-lc", command]}
        is_local = "local_shell" in asked.tools
        return Call(name="local_shell", arguments=local, kind="local_shell") if is_local else None
    if tool.kind == "custom":
        return Call(name=tool.name, kind="custom", script=command)
    name = _named(tool, ("command", "cmd", "script"))
    is_list = obj(tool.properties.get(name)).get("type") == "array"
    arguments: Json = {name: ["bash", "-lc", command] if is_list else command}
    if "description" in tool.properties:
        arguments["description"] = "scripted command"
    if fields.get("outside") and "sandbox_permissions" in tool.properties:
        arguments |= outside
    return Call(name=tool.name, arguments=with_required(tool, arguments))


def _read(fields: Json, asked: Asked) -> Call | None:
    path, tool = text(fields.get("path")), _pick(asked, _READERS)
    if tool is None:
        return shell({"command": f"cat {shlex.quote(path)}"}, asked)
    return Call(name=tool.name, arguments=with_required(tool, {_named(tool, _PATHS): _full(path, asked)}))


def _write(fields: Json, asked: Asked) -> Call | None:
    path, content = text(fields.get("path")), text(fields.get("content"))
    tool = _pick(asked, _WRITERS)
    if tool is not None:
        arguments = {
            _named(tool, _PATHS): _full(path, asked),
            _named(tool, ("content", "contents", "text")): content,
        }
        return Call(name=tool.name, arguments=with_required(tool, arguments))
    if "apply_patch" in asked.tools or _in_code_mode(asked):
        return _patch(patched_file(path, content), asked)
    return shell({"command": f"printf %s {shlex.quote(content)} > {shlex.quote(path)}"}, asked)


def _edit(fields: Json, asked: Asked) -> Call | None:
    path, old, new = (text(fields.get(name)) for name in ("path", "old", "new"))
    tool = _pick(asked, _EDITORS, taking=(*_OLD, "edits"))
    if tool is not None:
        arguments: Json = {_named(tool, _PATHS): _full(path, asked)}
        if any(name in tool.properties for name in _OLD):
            arguments |= {_named(tool, _OLD): old, _named(tool, _NEW): new}
        else:
            arguments["edits"] = [{"oldText": old, "newText": new}]
        return Call(name=tool.name, arguments=with_required(tool, arguments))
    if "apply_patch" in asked.tools or _in_code_mode(asked):
        return _patch(removed_and_added(path, old, new, asked.items), asked)
    program = f"p={path!r};s=open(p).read();open(p,'w').write(s.replace({old!r},{new!r}))"
    return shell({"command": "python3 -c " + shlex.quote(program)}, asked)


def _patch(patch: str, asked: Asked) -> Call:
    if _in_code_mode(asked):
        return _by_code("apply_patch", patch)
    tool = asked.tools["apply_patch"]
    if tool.kind == "custom":
        return Call(name="apply_patch", kind="custom", script=patch)
    return Call(name="apply_patch", arguments={_named(tool, ("patchText", "input", "patch")): patch})


def _plan(fields: Json, asked: Asked) -> Call | None:
    items, done = texts(fields.get("items")), count(fields.get("done"))
    steps = [{"step": item, "status": _status(at, done)} for at, item in enumerate(items)]
    if _in_code_mode(asked):
        return _by_code("update_plan", {"plan": steps})
    tool = _pick(asked, _PLANNERS)
    if tool is None and (creator := asked.tools.get("TaskCreate")):
        item = items[min(done, len(items) - 1)]
        subject = {"subject": item, "description": item}
        return Call(name=creator.name, arguments=with_required(creator, subject))
    if tool is None:
        return shell({"command": "echo plan: " + shlex.quote(", ".join(items))}, asked)
    if "plan" in tool.properties:
        return Call(name=tool.name, arguments={"plan": steps})
    name = _named(tool, ("todos", "items"))
    known = obj(obj(obj(tool.properties.get(name)).get("items")).get("properties"))
    rows = [_todo(at, item, done, known) for at, item in enumerate(items)]
    return Call(name=tool.name, arguments={name: rows})


def _status(at: int, done: int) -> str:
    return "completed" if at < done else "in_progress" if at == done else "pending"


def _todo(at: int, item: str, done: int, known: Json) -> Json:
    title = next((name for name in ("content", "description", "title") if name in known), "content")
    extra = {"activeForm": f"Doing: {item}", "priority": "medium", "id": str(at + 1)}
    return {
        title: item,
        "status": _status(at, done),
        **{name: value for name, value in extra.items() if name in known},
    }


def _mcp(fields: Json, asked: Asked) -> Call | None:
    wanted, given = text(fields.get("tool")), obj(fields.get("arguments"))
    if _in_code_mode(asked):
        found = f"Object.keys(tools).find(k => k.endsWith({json.dumps('__' + wanted)}))"
        program = f"const r = await tools[{found}]({json.dumps(given)});\ntext(r);"
        return Call(name="exec", kind="custom", script=program)
    ending = re.compile(rf"(^|__|_|\.|-|/){re.escape(wanted)}$")
    for name, tool in asked.tools.items():
        if tool.kind != "deferred" and ending.search(name):
            known = {
                key: value for key, value in given.items() if not tool.properties or key in tool.properties
            }
            return Call(name=tool.name, namespace=tool.namespace, arguments=with_required(tool, known))
    return _looked_up(wanted, text(fields.get("server")) or "muster", given, asked)


def _looked_up(wanted: str, server: str, given: Json, asked: Asked) -> Call | None:
    """A tool that the agent keeps back is searched for first, and then called by its full name."""
    full = f"mcp__{server}__{wanted}"
    searches = sum(item.role == "search" for item in asked.items)
    if "ToolSearch" in asked.tools and searches < _MOST_SEARCHES:
        return Call(name="ToolSearch", arguments={"query": f"select:{full}", "max_results": 5})
    if "tool_search" in asked.tools and searches < _MOST_SEARCHES:
        return Call(name="tool_search", kind="tool_search", arguments={"query": wanted, "limit": 5})
    return Call(name=full, arguments=given) if searches else None


def _own(fields: Json, asked: Asked) -> Call | None:
    return Call(name=text(fields.get("name")), arguments=obj(fields.get("arguments")))


_MAPPERS: Final[Mapping[str, Callable[[Json, Asked], Call | None]]] = {
    "shell": shell,
    "read": _read,
    "write": _write,
    "edit": _edit,
    "plan": _plan,
    "mcp": _mcp,
    "tool": _own,
}
