"""The work of several tasks as one starting point (SA-2b)."""

from __future__ import annotations

from pathlib import Path

from muster.domain.prompt import Beginning
from muster.vcs.integrating import integrate
from tests.vcs.conftest import AGENT, run_git
from tests.vcs.test_merging import work_on


async def test_parts_are_merged_in_turn_and_those_without_work_are_named(repository: Path) -> None:
    """SA-2b"""
    base = run_git(repository, "rev-parse", "main")
    one = work_on(repository, "one", one="x = 1\n")
    two = work_on(repository, "two", two="y = 2\n")
    made = await integrate(
        repository / ".git", base, ["one", "gone", "two", "one"], task="lead", attempt="att_1", identity=AGENT
    )
    assert made.parts == [
        Beginning(task="one"),
        Beginning(task="gone", found=False),
        Beginning(task="two"),
        Beginning(task="one"),
    ]
    files = run_git(repository, "ls-tree", "--name-only", made.commit).splitlines()
    assert {"one.py", "two.py", "hello.py"} <= set(files)
    assert run_git(repository, "rev-parse", "refs/muster/attempts/att_1.base") == made.commit
    for commit in (base, one, two):
        assert run_git(repository, "merge-base", commit, made.commit) == commit
    assert run_git(repository, "log", "--merges", "--format=%s|%an", made.commit).splitlines() == [
        f"Merge muster/two|{AGENT.name}",
        f"Merge muster/one|{AGENT.name}",
    ]
    assert run_git(repository, "status", "--porcelain") == ""


async def test_what_does_not_merge_stands_in_the_file_from_both_sides(repository: Path) -> None:
    """SA-2b: nothing is lost, and the files are named."""
    base = run_git(repository, "rev-parse", "main")
    work_on(repository, "one", hello="def hello():\n    return 'one'\n")
    work_on(repository, "two", hello="def hello():\n    return 'two'\n", more="z = 3\n")
    made = await integrate(
        repository / ".git", base, ["one", "two"], task="lead", attempt="a", identity=AGENT
    )
    assert made.parts[1] == Beginning(task="two", conflicts=("hello.py",))
    text = run_git(repository, "show", f"{made.commit}:hello.py")
    assert "'one'" in text
    assert "'two'" in text
    assert "<<<<<<<" in text
    assert run_git(repository, "show", f"{made.commit}:more.py") == "z = 3"


async def test_without_any_work_the_base_is_the_start_and_nothing_is_kept(repository: Path) -> None:
    base = run_git(repository, "rev-parse", "main")
    made = await integrate(repository / ".git", base, ["gone"], task="lead", attempt="a", identity=AGENT)
    assert made.commit == base
    assert run_git(repository, "for-each-ref", "refs/muster") == ""
