"""Entries as JSON objects, and cut to what is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from muster.domain.transcript import (
    ENTRIES,
    Entry,
    Message,
    Option,
    OptionKind,
    PermissionRequest,
    Plan,
    PlanItem,
    Problem,
    SessionStarted,
    ToolCall,
    Unknown,
    UsageReport,
)
from muster.domain.transcript_json import (
    MAX_DEPTH,
    MAX_ENTRY,
    MAX_TEXT,
    cut_text,
    document_of,
    entry_of,
    fitted,
)
from muster.domain.usage import TokenUsage

SOME: list[Entry] = [
    Message("hi"),
    Message("hi", role="user", more=True),
    SessionStarted("s", tools=["a"], mcp={"x": "connected"}),
    ToolCall("1", "Read", input={"a": [1, {"b": None}]}),
    Plan([PlanItem("a"), PlanItem("b", "completed", "low")]),
    UsageReport(TokenUsage(input=3, reasoning=1), total=True),
    PermissionRequest("p", "run", options=[Option("y", "Yes", OptionKind.ALLOW_ONCE)]),
    Problem("rate_limited", "slow", resets_at=1.5),
]


@pytest.mark.parametrize("entry", SOME, ids=lambda entry: entry.kind)
def test_an_entry_survives_being_written_and_read(entry: Entry) -> None:
    """OD-27"""
    document = json.loads(json.dumps(document_of(entry)))
    assert entry_of(document) == entry


def test_what_is_at_its_default_is_left_out() -> None:
    """OD-27"""
    assert document_of(Message("hi")) == {"kind": "message", "text": "hi"}
    assert document_of(UsageReport(TokenUsage(input=3))) == {"kind": "usage", "usage": {"input": 3}}


@pytest.mark.parametrize(
    "document", [{"kind": "dance"}, {}, {"kind": "message"}, {"kind": "plan", "items": [{}]}]
)
def test_what_is_not_known_is_kept_as_a_line(document: dict[str, Any]) -> None:
    """OD-27"""
    assert entry_of(document) == Unknown(line=json.dumps(document))


def test_fields_of_a_newer_version_are_passed_over() -> None:
    """OD-27"""
    assert entry_of({"kind": "message", "text": "a", "mood": "good"}) == Message("a")


def test_every_kind_has_a_name_of_its_own() -> None:
    """OD-27"""
    assert len({entry.kind for entry in ENTRIES}) == len(ENTRIES)


class TestCutting:
    def test_what_is_small_stays_as_it_is(self) -> None:
        """SA-4a"""
        document = document_of(ToolCall("1", "x", input={"a": [1, "b", None, 1.5, True]}, paths=["p"]))
        assert fitted(document) == document

    def test_a_long_text_says_how_much_is_missing(self) -> None:
        """SA-4a"""
        cut = fitted({"kind": "message", "text": "x" * (MAX_TEXT + 1)})["text"]
        assert cut.endswith(f"\n[65 of {MAX_TEXT + 1} characters cut]")
        assert len(cut) <= MAX_TEXT
        assert cut_text(cut, MAX_TEXT) == cut

    def test_many_long_texts_are_cut_to_much_less(self) -> None:
        """SA-4a"""
        texts = ["x" * 40_000] * 200
        document = {"kind": "tool_call", "id": "1", "name": "n", "input": {"edits": texts}, "paths": texts}
        small = fitted(document)
        assert len(json.dumps(small)) < MAX_ENTRY
        assert small["paths"][-1] == "[100 more]"
        assert small["input"]["edits"][0].endswith("of 40000 characters cut]")

    def test_large_objects_and_lists_of_objects_are_cut_too(self) -> None:
        """SA-4a"""
        big = {f"key-{n}": "x" * 4_000 for n in range(300)}
        small = fitted({"kind": "tool_call", "id": "1", "name": "n", "input": big})
        assert (len(small["input"]), small["input"]["..."]) == (101, "[200 more]")
        items = [{"text": "x" * 4_000}] * 300
        assert len(fitted({"kind": "plan", "items": items})["items"]) == 100

    def test_what_is_nested_too_deeply_becomes_text(self) -> None:
        """SA-4a"""
        deep: Any = "end"
        for _ in range(MAX_DEPTH + 5):
            deep = [deep]
        found: Any = fitted({"kind": "tool_call", "id": "1", "name": "n", "input": {"deep": deep}})["input"][
            "deep"
        ]
        while isinstance(found, list):
            found = found[0]
        assert found == '[[[[[[["end"]]]]]]]'

    def test_what_no_database_keeps_is_replaced(self) -> None:
        """SA-4a"""
        assert fitted({"kind": "message", "text": "a\x00b\ud800"}) == {"kind": "message", "text": "a\ufffdb?"}
