"""What projects, queues, sessions, agents and task classes may be called and hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from muster.domain import ids
from muster.domain.agent import Agent, status_shown
from muster.domain.checks import check_fields, check_name, check_text
from muster.domain.errors import InvalidInput
from muster.domain.money import MAX_DOLLARS, MICROS
from muster.domain.project import Project, allocated_after, refuse_below
from muster.domain.queue import Queue, agent_queue
from muster.domain.session import Session
from muster.domain.task_class import TaskClass

BAD: list[tuple[Callable[..., object], dict[str, Any], str]] = [
    (Project, {"name": ""}, "name"),
    (Project, {"name": "   "}, "name"),
    (Project, {"name": "x" * 201}, "name"),
    (Project, {"name": "a\nb"}, "name"),
    (Project, {"name": "a\ud800"}, "name"),
    (Project, {"name": ids.encode(ids.PROJECT, 5)}, "name"),
    (Project, {"name": "p", "icon": "x" * 65}, "icon"),
    (Project, {"name": "p", "status": "asleep"}, "status"),
    (Project, {"name": "p", "priority": "urgent"}, "priority"),
    (Project, {"name": "p", "description": "\x00"}, "description"),
    (Project, {"name": "p", "allocated": -1}, "allocated"),
    (Project, {"name": "p", "enforcement": "none"}, "enforcement"),
    (Project, {"name": "p", "concurrency": 0}, "concurrency"),
    (Project, {"name": "p", "repo_url": "x" * 2_001}, "repo_url"),
    (Project, {"name": "p", "default_branch": "x" * 201}, "default_branch"),
    (Project, {"name": "p", "working_dir": "relative/path"}, "working_dir"),
    (Queue, {"name": ids.encode(ids.QUEUE, 5)}, "name"),
    (Queue, {"name": "q", "mode": "magic"}, "mode"),
    (Queue, {"name": "q", "instructions": "x" * 65_537}, "instructions"),
    (Queue, {"name": "q", "concurrency": -1}, "concurrency"),
    (Queue, {"name": "q", "agent_id": ""}, "agent_id"),
    (Session, {"name": "\x1b[1m"}, "name"),
    (Session, {"name": "s", "context": "\udfff"}, "context"),
    (Agent, {"name": ""}, "name"),
    (Agent, {"name": "a", "status": "busy"}, "status"),
    (Agent, {"name": "a", "model": "x" * 201}, "model"),
    (Agent, {"name": "a", "memory_bytes": 2**53 + 1}, "memory_bytes"),
    (TaskClass, {"name": "1ST", "timeout_us": 5_000_000}, "name"),
    (TaskClass, {"name": "FAST", "timeout_us": 0}, "timeout_us"),
    (TaskClass, {"name": "FAST", "timeout_us": 5_000_000, "description": "x" * 2_001}, "description"),
]


@pytest.mark.parametrize(("made", "values", "field"), BAD)
def test_a_field_out_of_bounds_is_refused_by_name(
    made: Callable[..., object], values: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        made(**values)
    assert refused.value.details["field"] == field


def test_ordinary_values_are_accepted() -> None:
    project = Project(name="site 🌍", working_dir="/srv/site", allocated=0, concurrency=1)
    assert (project.status, project.priority, project.enforcement) == ("active", "medium", "hard")
    assert Queue(name="builds").mode == "auto"
    assert Session(name="monday").context == ""
    assert TaskClass("NIGHTLY", 3_600_000_000).description == ""
    check_text("note", None)
    check_name("id", " ", blank=True)


def test_only_known_fields_can_be_changed() -> None:
    check_fields({"name": "x"}, ("name",))
    with pytest.raises(InvalidInput, match="spent"):
        check_fields({"spent": 1}, ("name",))


def test_an_agent_is_busy_while_it_has_a_running_task() -> None:
    assert status_shown("online", 0) == "online"
    assert status_shown("online", 1) == "busy"


def test_an_agents_queue_is_named_for_it() -> None:
    assert agent_queue("ann") == Queue(name="agent-ann", mode="external", agent_id="ann")
    assert len(agent_queue("a" * 200).name) == 206


def test_a_budget_grows_and_shrinks_down_to_what_is_committed() -> None:
    assert allocated_after(None, 5, 100) == 5
    assert allocated_after(10, -4, 6) == 6
    for allocated, amount, committed in (
        (10, 0, 0),
        (None, -1, 0),
        (10, -5, 6),
        (1, MAX_DOLLARS * MICROS, 0),
    ):
        with pytest.raises(InvalidInput, match="amount"):
            allocated_after(allocated, amount, committed)
    with pytest.raises(InvalidInput, match=r"\$0\.0000"):
        refuse_below(-1, 0, "allocated")


def test_ids_are_recognised_by_their_form() -> None:
    assert ids.is_id(ids.QUEUE, ids.encode(ids.QUEUE, 12345))
    for text in ("que_short", "prj_0dq3m8x1c7w00", "builds", "que_0dq3m8x1c7wUU"):
        assert not ids.is_id(ids.QUEUE, text)


def test_a_bound_in_the_far_future_is_still_an_id() -> None:
    assert ids.first_id_at(253_402_300_799_000_000) == 2**63 - 1
