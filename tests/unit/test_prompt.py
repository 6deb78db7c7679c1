"""What an agent is told: roles, instructions, what was tried before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from muster.domain.agent_task import AgentTask, ToolServer
from muster.domain.errors import InvalidInput
from muster.domain.prompt import (
    Beginning,
    Earlier,
    Prompt,
    PromptParts,
    about_tokens,
    check_failed,
    compose,
    sections_of,
)
from muster.domain.role import BUILT_IN, Role, in_role


def test_a_task_with_nothing_but_a_title_sends_its_title() -> None:
    assert compose(PromptParts(title="Mend it")) == Prompt("", "Mend it")


def test_a_description_goes_with_the_prompt_and_stands_in_for_it() -> None:
    assert compose(PromptParts(title="t", description="d")).user == "d"
    assert compose(PromptParts(title="t", description="d", prompt="p")).user == "p\n\nd"


def test_the_system_prompt_holds_role_instructions_and_queue_in_this_order() -> None:
    """OD-5, SQ-3"""
    role = Role(name="r", system_prompt="You are R.", instructions="Be short.")
    parts = PromptParts(title="t", role=role, instructions="Use tabs.", queue_instructions="No pushes.")
    assert compose(parts).system == (
        "You are R.\n\nBe short.\n\nUse tabs.\n\n## Standing instructions of the queue\n\nNo pushes."
    )


def test_the_system_prompt_ends_with_what_the_work_session_carries() -> None:
    """SQ-2"""
    parts = PromptParts(title="t", queue_instructions="No pushes.", context="Jitter comes last.")
    assert compose(parts).system.endswith(
        "No pushes.\n\n## What is known in this work session\n\nJitter comes last."
    )


def test_the_sections_are_the_prompt_in_its_parts() -> None:
    """OD-5"""
    parts = PromptParts(
        title="t", prompt="Mend it.", queue_instructions="No pushes.", acceptance_command="make test"
    )
    sections = sections_of(parts)
    assert [(section.name, section.system) for section in sections] == [
        ("instructions of the queue", True),
        ("task", False),
        ("check", False),
    ]
    prompt = compose(parts)
    assert "\n\n".join(section.text for section in sections if not section.system) == prompt.user
    assert about_tokens("") == 0
    assert about_tokens("Mend it.") == 2


def test_all_that_will_be_checked_is_told() -> None:
    user = compose(
        PromptParts(
            title="t",
            owns=["src/**"],
            required_files=["out.txt"],
            acceptance_command="make test",
            output_schema={"type": "object"},
            skills=["skills/pdf/SKILL.md"],
        )
    ).user
    for words in ("- `src/**`", "- `out.txt`", "`make test`", '"type": "object"', "- `skills/pdf/SKILL.md`"):
        assert words in user


def test_the_next_attempt_is_told_what_the_last_ones_tried() -> None:
    """SQ-9"""
    earlier = [Earlier(number=n, code="acceptance_failed", error=f"error {n}") for n in range(1, 8)]
    user = compose(PromptParts(title="t", earlier=earlier)).user
    assert "Attempt 7 ended with `acceptance_failed`: error 7" in user
    assert "error 2" not in user


def test_a_failed_check_is_handed_back_with_its_output() -> None:
    """SQ-9"""
    assert check_failed("make test", " 2 failed \n").startswith(
        "The check `make test` failed. Its output:\n\n```\n2 failed\n```"
    )


def test_a_role_says_what_the_task_leaves_open() -> None:
    """OD-5"""
    server = ToolServer(name="docs", url="u")
    role = Role(name="r", agent="claude", model="m", permissions="read", tools=("Read",), mcp=(server,))
    task = in_role(AgentTask(prompt="p"), role)
    assert (task.agent, task.model, task.permissions) == ("claude", "m", "read")
    assert (task.tools, task.mcp) == (("Read",), (server,))


def test_what_the_task_says_itself_goes_before_its_role() -> None:
    """OD-5"""
    role = Role(name="r", agent="claude", model="m", permissions="read", tools=("Read",))
    task = in_role(AgentTask(agent="codex", model="n", permissions="full", tools=()), role)
    assert (task.agent, task.model, task.permissions, task.tools) == ("codex", "n", "full", ())


def test_without_a_role_a_task_stays_as_it_is() -> None:
    assert in_role(AgentTask(prompt="p"), None) == AgentTask(prompt="p")


def test_the_five_roles_come_with_muster() -> None:
    """OD-5"""
    assert [role.kind for role in BUILT_IN] == ["analyst", "planner", "builder", "tester", "reviewer"]


@pytest.mark.parametrize("wrong", [{"kind": "boss"}, {"name": ""}, {"permissions": "all"}])
def test_a_wrong_role_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        Role(**({"name": "r"} | wrong))  # type: ignore[arg-type]


def test_an_agent_whose_session_goes_on_is_told_the_review_and_nothing_twice() -> None:
    """SQ-12: all comments as one message to the same agent session."""
    parts = PromptParts(title="T", prompt="Do it.", review="Change this.", queue_instructions="Be brief.")
    resumed = compose(replace(parts, resumed=True))
    assert resumed.user == "Change this."
    assert "Be brief." in resumed.system
    told = compose(parts).user
    assert told == "Do it.\n\n## What to change in the work that is there\n\nChange this."


def test_a_lead_is_told_what_it_begins_with_and_what_does_not_fit() -> None:
    """SA-2b"""
    many = tuple(f"f{n}.py" for n in range(60))
    beginnings = [
        Beginning(task="tsk_1"),
        Beginning(task="tsk_2", found=False),
        Beginning(task="tsk_3", conflicts=("a.py",)),
        Beginning(task="tsk_4", conflicts=many),
    ]
    user = compose(PromptParts(title="t", beginnings=beginnings)).user
    assert "- The work of task `tsk_1` is merged in." in user
    assert "- Task `tsk_2` left no work in this repository." in user
    assert "`tsk_3` is merged in with conflict markers in `a.py`: resolve them first." in user
    assert "`f49.py` and 10 more: resolve" in user
    assert "begins with" not in compose(PromptParts(title="t")).user
