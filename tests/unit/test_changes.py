"""What changed, in words; and which files a part may change."""

from __future__ import annotations

import pytest

from muster.domain.changes import Change, commit_message, summary
from muster.domain.ownership import outside, owned
from muster.domain.transcript import ChangeKind


def change(path: str, kind: ChangeKind = ChangeKind.MODIFIED) -> Change:
    return Change(path=path, change=kind, additions=1, deletions=0)


def test_a_file_without_lines_is_binary() -> None:
    assert Change(path="a", change=ChangeKind.CREATED).binary
    assert not change("a").binary


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([], "no changes"),
        ([change("a.py")], "change a.py"),
        ([change("a.py", ChangeKind.CREATED), change("b.py")], "2 files: 1 created, 1 modified"),
    ],
)
def test_changes_are_summed_up(changes: list[Change], words: str) -> None:
    assert summary(changes) == words


def test_a_commit_message_says_what_and_leads_back() -> None:
    """SW-4i"""
    message = commit_message("Mend  the\nlogin", "bug_fix", [change("a.py")], "tsk_1", "att_1")
    assert message == "fix: Mend the login\n\n- change a.py\n\nMuster-Task: tsk_1\nMuster-Attempt: att_1\n"


def test_a_commit_of_many_files_names_the_first() -> None:
    message = commit_message("", "custom", [change(f"f{n}") for n in range(23)], "t", "a")
    assert message.startswith("Work of an agent\n\n- change f0\n")
    assert "- and 3 more" in message
    assert "no changes" in commit_message("x", "custom", [], "t", "a")


@pytest.mark.parametrize(
    ("path", "globs", "verdict"),
    [
        ("a/b.py", [], True),
        ("a/b.py", ["*.py"], True),
        ("a/b.py", ["/b.py"], False),
        ("b.py", ["/b.py"], True),
        ("src/a/b.py", ["src/**"], True),
        ("src/a/b.py", ["src/*.py"], False),
        ("src/a/b.py", ["src/**/b.py"], True),
        ("src/b.py", ["src/**/b.py"], True),
        ("src/a/b.py", ["src/"], True),
        ("a/src/x", ["src/"], True),
        ("srcs/a", ["src/"], False),
        ("src/a", ["src"], True),
        ("a1.py", ["a?.py"], True),
        ("a/.py", ["a?.py"], False),
        ("src/secret.py", ["src/**", "!src/secret.py"], False),
        ("x.txt", ["./x.txt"], True),
        ("a.py\nb", ["*.py"], False),
    ],
)
def test_globs_say_which_files_may_be_changed(path: str, globs: list[str], verdict: bool) -> None:
    """SA-2b"""
    assert owned(path, globs) is verdict
    assert outside([path], globs) == ([] if verdict else [path])
