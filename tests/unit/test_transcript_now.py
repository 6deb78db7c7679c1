"""What an agent does at the moment."""

from __future__ import annotations

from typing import Any

import pytest

from muster.domain.transcript_now import MOST, Now, now_of, one_line


@pytest.mark.parametrize(
    ("entry", "now"),
    [
        (
            {"kind": "tool_call", "tool": "execute", "command": "pytest -q", "title": "Run"},
            Now("running", "pytest -q"),
        ),
        ({"kind": "tool_call", "tool": "edit", "paths": ["src/a.py", "b"]}, Now("editing", "src/a.py")),
        ({"kind": "tool_call", "tool": "other", "name": "search_issues"}, Now("calling", "search_issues")),
        ({"kind": "tool_call", "tool": "read", "paths": []}, Now("reading")),
        ({"kind": "thinking", "text": "hm"}, Now("thinking")),
        ({"kind": "message", "text": "\n  I look at it.\nThen"}, Now("writing", "I look at it.")),
        ({"kind": "plan", "items": []}, Now("planning")),
        ({"kind": "result", "ok": True, "text": "Done."}, Now("finishing", "Done.")),
        ({"kind": "message", "role": "user", "text": "Go on."}, None),
        ({"kind": "usage"}, None),
    ],
)
def test_an_entry_tells_what_an_agent_does(entry: dict[str, Any], now: Now | None) -> None:
    """OD-6"""
    assert now_of([entry]) == now


def test_the_newest_entry_that_tells_something_counts() -> None:
    """OD-6"""
    entries = [{"kind": "thinking"}, {"kind": "plan"}, {"kind": "tool_result", "id": "t1"}]
    assert now_of(entries) == Now("planning")
    assert now_of([]) is None


def test_a_subject_is_one_short_line() -> None:
    """OD-6"""
    assert one_line("x" * (MOST + 1)) == "x" * (MOST - 1) + "…"
    assert one_line("  \n \n") == ""
    assert one_line(None) == ""
