"""The isolation level a task demands (SW-4f)."""

from __future__ import annotations

import pytest

from muster.domain.errors import InvalidInput
from muster.domain.isolation import check_level, with_level
from muster.domain.project import Project
from muster.domain.queue import Queue


@pytest.mark.parametrize(
    ("requires", "kind", "usual", "expected"),
    [
        ((), "bash", ("gvisor", "container"), ("sandbox:gvisor",)),
        ((), "bash", (None, "container"), ("sandbox:container",)),
        ((), "bash", (None, None), ()),
        (("gpu", "sandbox:process"), "python", ("gvisor",), ("gpu", "sandbox:process")),
        (("agent:claude",), "prompt", ("gvisor",), ("agent:claude", "sandbox:gvisor")),
        ((), "prompt", ("gvisor",), ()),
        ((), "manual", ("gvisor",), ()),
    ],
)
def test_a_task_demands_its_own_level_else_its_queues_else_its_projects(
    requires: tuple[str, ...], kind: str, usual: tuple[str | None, ...], expected: tuple[str, ...]
) -> None:
    """SW-4f: and nothing is demanded for what runs in no sandbox of ours."""
    assert with_level(requires, kind, *usual) == expected


@pytest.mark.parametrize("level", ["", "a,b", "x" * 51])
def test_what_cannot_be_a_level_is_refused(level: str) -> None:
    with pytest.raises(InvalidInput, match="sandbox"):
        check_level(level)
    with pytest.raises(InvalidInput):
        Queue(name="q", sandbox=level)
    with pytest.raises(InvalidInput):
        Project(name="p", sandbox=level)


@pytest.mark.parametrize("level", [None, "gvisor"])
def test_which_levels_there_are_is_for_the_workers_to_say(level: str | None) -> None:
    check_level(level)
    assert Queue(name="q", sandbox=level).sandbox == Project(name="p", sandbox=level).sandbox == level
