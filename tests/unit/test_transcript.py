"""The kinds of transcript entries."""

from __future__ import annotations

from dataclasses import fields

from muster.domain.transcript import ENTRIES, Message, ToolCall, ToolResult


def test_every_entry_has_a_kind_of_its_own() -> None:
    """OD-27"""
    kinds = [entry.kind for entry in ENTRIES]
    assert len(set(kinds)) == len(kinds)
    assert all(kinds)


def test_no_field_shadows_the_tag() -> None:
    assert all("kind" not in {field.name for field in fields(entry)} for entry in ENTRIES)


def test_entries_do_not_share_their_lists() -> None:
    assert ToolCall("1", "Bash").paths is not ToolCall("2", "Bash").paths
    assert (Message("hi").role, ToolResult("1").status) == ("agent", "completed")
