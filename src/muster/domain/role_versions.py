"""Versions of a role: what each edit made of it. None is ever taken away, and numbers go on where a role was deleted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from muster.domain.agent_task import ToolServer
from muster.domain.errors import Conflict
from muster.domain.role import BUILT_IN, Role

SHIPPED: Final = "muster"
"""Who made the first version of a role that comes with muster."""
_BUILT_IN: Final = frozenset(role.name for role in BUILT_IN)
_TEXTS: Final = ("description", "system_prompt", "instructions")
_VALUES: Final = ("kind", "agent", "model", "permissions")
FIELDS: Final = ("kind", *_TEXTS, "agent", "model", "permissions", "tools", "mcp")


class RoleMoved(Conflict):
    """Role {name} is at version {version} by now, changed by {by}, and what was sent was made of version {if_version}:
    read it anew. Nothing was changed."""

    code = "role_moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleVersion:
    """A role as an edit left it. `at` is microseconds, `restored` the older version that this one has the text of."""

    role: Role
    number: int
    at: int
    by: str = ""
    """Who made it, as far as they said."""
    restored: int | None = None


def changed_fields(before: Role, after: Role) -> tuple[str, ...]:
    """What of a role is other than it was."""
    return tuple(name for name in FIELDS if getattr(before, name) != getattr(after, name))


def words_of(version: RoleVersion, before: Role | None) -> str:
    """What an edit did, in a line. `before` is the version that it was made of."""
    if version.restored is not None:
        return f"version {version.restored} restored"
    if before is None:
        return "comes with muster" if version.role.name in _BUILT_IN else "made"
    changes = [_change(name, before, version.role) for name in changed_fields(before, version.role)]
    return ", ".join(changes) or "made anew"


def _change(name: str, before: Role, after: Role) -> str:
    was, now = getattr(before, name), getattr(after, name)
    label = name.replace("_", " ").replace("mcp", "MCP servers")
    if name in _VALUES:
        return f"{label} {now or 'left open'} (was {was or 'open'})"
    if name in _TEXTS and not (was and now):
        return f"{label} {'added' if now else 'removed'}"
    return label


def text_of(role: Role) -> str:
    """All of a role as lines, for reading and for comparing two."""
    return "\n".join([*_head(role), "", *_part("System prompt", role.system_prompt), *_mine(role)]) + "\n"


def _head(role: Role) -> Iterator[str]:
    values: dict[str, Any] = {name: getattr(role, name) for name in _VALUES}
    yield f"Kind: {values.pop('kind')}"
    yield f"Description: {role.description}"
    for name, value in values.items():
        yield f"{name.capitalize()}: {value or 'as the task says'}"
    yield f"Tools: {'all' if role.tools is None else ', '.join(role.tools) or 'none'}"
    for server in role.mcp:
        yield from _server(server)


def _server(server: ToolServer) -> Iterator[str]:
    yield f"MCP server {server.name}: {server.url or ('a command' if server.argv else 'muster itself')}"
    yield from (f"  {word}" for word in server.argv)
    yield from (f"  {name}: {value}" for name, value in {**server.headers, **server.env}.items())


def _mine(role: Role) -> list[str]:
    return ["", *_part("Instructions", role.instructions)] if role.instructions else []


def _part(title: str, text: str) -> list[str]:
    return [f"{title}:", *(text.split("\n") if text else ["none"])]
