"""Where a shell may be opened beside what runs in a sandbox (OD-34)."""

from __future__ import annotations

import pytest

from muster.domain.console import NOT_ISOLATING, ConsolesOff, console_problem


@pytest.mark.parametrize("level", ["bubblewrap", "process"])
def test_a_console_is_offered_where_a_shell_can_enter(level: str) -> None:
    assert console_problem(level, enabled=True) is None


@pytest.mark.parametrize(
    ("level", "why"),
    [("container", "in a container"), ("gvisor", "in gVisor"), ("firecracker", "in a virtual machine")],
)
def test_it_is_said_why_there_is_none_elsewhere(level: str, why: str) -> None:
    assert why in (console_problem(level, enabled=True) or "")


@pytest.mark.parametrize("level", ["bubblewrap", "container"])
def test_where_consoles_are_off_that_is_the_reason(level: str) -> None:
    problem = console_problem(level, enabled=False)
    assert problem == ConsolesOff().message
    assert "console.enabled" in problem


def test_only_a_plain_process_is_not_isolated_from_the_machine() -> None:
    assert {"process"} == NOT_ISOLATING
