"""Versions of a role: what an edit did in words, and a role as lines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from muster.domain.agent_task import ToolServer
from muster.domain.role import BUILT_IN, Role
from muster.domain.role_versions import RoleMoved, RoleVersion, changed_fields, text_of, words_of

MENDER = Role(name="mender", system_prompt="You mend.", model="opus", tools=("Read",))


def words(after: Role, before: Role | None, restored: int | None = None) -> str:
    return words_of(RoleVersion(role=after, number=2, at=0, restored=restored), before)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": "sonnet"}, "model sonnet (was opus)"),
        ({"model": None}, "model left open (was opus)"),
        ({"agent": "codex", "tools": None}, "agent codex (was open), tools"),
        ({"system_prompt": "You mend well."}, "system prompt"),
        ({"system_prompt": "", "instructions": "Be short."}, "system prompt removed, instructions added"),
        ({"mcp": (ToolServer(name="muster"),)}, "MCP servers"),
        ({}, "made anew"),
    ],
)
def test_what_an_edit_did_is_said_in_a_line(changes: dict[str, object], said: str) -> None:
    """OD-5"""
    assert words(replace(MENDER, **changes), MENDER) == said


def test_where_a_version_comes_from_is_said() -> None:
    """OD-5"""
    assert words(MENDER, None) == "made"
    assert words(BUILT_IN[0], None) == "comes with muster"
    assert words(MENDER, replace(MENDER, model=None), restored=1) == "version 1 restored"


def test_only_what_is_other_is_a_changed_field() -> None:
    """OD-5"""
    assert changed_fields(MENDER, MENDER) == ()
    assert changed_fields(MENDER, replace(MENDER, kind="tester", tools=())) == ("kind", "tools")


def test_a_role_reads_as_lines_from_its_head_to_its_prompts() -> None:
    """OD-5"""
    servers = (
        ToolServer(name="docs", url="http://docs.example", headers={"Accept": "text"}),
        ToolServer(name="db", argv=("db mcp", "-v"), env={"A": "1"}),
        ToolServer(name="muster"),
    )
    role = replace(MENDER, description="Mends.", instructions="Be short.\nBe kind.", mcp=servers)
    assert text_of(role).split("\n") == [
        "Kind: custom",
        "Description: Mends.",
        "Agent: as the task says",
        "Model: opus",
        "Permissions: as the task says",
        "Tools: Read",
        "MCP server docs: http://docs.example",
        "  Accept: text",
        "MCP server db: a command",
        "  db mcp",
        "  -v",
        "  A: 1",
        "MCP server muster: muster itself",
        "",
        "System prompt:",
        "You mend.",
        "",
        "Instructions:",
        "Be short.",
        "Be kind.",
        "",
    ]


def test_no_tools_and_all_tools_read_otherwise() -> None:
    """OD-5"""
    assert "Tools: none" in text_of(replace(MENDER, tools=()))
    empty = text_of(Role(name="r"))
    assert "Tools: all" in empty
    assert empty.endswith("System prompt:\nnone\n")


def test_a_late_edit_is_told_who_was_first() -> None:
    """OD-5"""
    error = RoleMoved(name="mender", version=3, by="ann", if_version=2)
    assert "at version 3 by now, changed by ann" in error.message
