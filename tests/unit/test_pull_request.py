"""Pull requests: their words come from the task and from what changed (SW-4i)."""

from __future__ import annotations

from dataclasses import replace

from muster.domain.changes import Change
from muster.domain.pull_request import Done, PullRequest, read_pull_request, request_body, request_title
from muster.domain.transcript import ChangeKind

DONE = Done(
    description="The greeting is too short.\n",
    task="tsk_1",
    attempt="att_1",
    agent="claude",
    model="opus",
    checked_by="pytest -q\nruff check",
    changes=[
        Change(path="hello.py", change=ChangeKind.MODIFIED, additions=2, deletions=1),
        Change(path="logo.png", change=ChangeKind.CREATED),
    ],
)


def test_a_request_is_a_draft_unless_the_task_says_otherwise() -> None:
    assert read_pull_request("p", True) == PullRequest(draft=True)
    assert read_pull_request("p", {"draft": False, "base": "next"}) == PullRequest(draft=False, base="next")
    assert read_pull_request("p", False) is None


def test_a_title_is_one_line_of_the_tasks() -> None:
    assert request_title("  Mend\n the greeting ") == "Mend the greeting"
    assert request_title("x" * 500) == "x" * 200
    assert request_title(" ") == "Work of an agent"


def test_a_body_says_what_was_asked_what_changed_how_it_was_checked_and_by_whom() -> None:
    assert request_body(DONE) == (
        "The greeting is too short.\n\n"
        "### Changes\n\n2 files: 1 created, 1 modified\n\n"
        "- `hello.py` (modified, +2 -1)\n- `logo.png` (created)\n\n"
        "### Checked by\n\n    pytest -q\n    ruff check\n\n"
        "Made by claude (opus) with muster.\n\nMuster-Task: tsk_1\nMuster-Attempt: att_1"
    )


def test_a_body_leaves_out_what_there_is_not_and_counts_what_is_too_much() -> None:
    many = [replace(DONE.changes[1], path=f"f{number}") for number in range(40)]
    body = request_body(replace(DONE, description="", checked_by="", model="", changes=many))
    assert body.startswith("### Changes")
    assert "Checked by" not in body
    assert "- and 10 more" in body
    assert "Made by claude with muster." in body
