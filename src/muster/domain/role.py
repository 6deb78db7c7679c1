"""Roles: who an agent is to be for a task. What a task says itself goes before what its role says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from muster.domain.agent_task import PERMISSIONS, AgentTask, ToolServer
from muster.domain.checks import check_choice, check_name, check_text

KINDS: Final = ("analyst", "planner", "builder", "tester", "reviewer", "custom")


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A way of working, under a name: the system prompt and what goes with it."""

    name: str
    kind: str = "custom"
    description: str = ""
    system_prompt: str = ""
    instructions: str = ""
    """One's own, added to the system prompt."""
    agent: str | None = None
    model: str | None = None
    permissions: str | None = None
    tools: tuple[str, ...] | None = None
    mcp: tuple[ToolServer, ...] = ()

    def __post_init__(self) -> None:
        check_name("name", self.name)
        check_choice("kind", self.kind, KINDS)
        for field in ("description", "system_prompt", "instructions"):
            check_text(field, getattr(self, field))
        if self.permissions is not None:
            check_choice("permissions", self.permissions, PERMISSIONS)


def in_role(task: AgentTask, role: Role | None) -> AgentTask:
    """The task with what its role says where it says nothing itself."""
    if role is None:
        return task
    return replace(
        task,
        agent=task.agent or role.agent,
        model=task.model or role.model,
        permissions=task.permissions or role.permissions,
        tools=role.tools if task.tools is None else task.tools,
        mcp=(*role.mcp, *task.mcp),
    )


_SHARED: Final = (
    "You work on one task in a working copy of your own. Nobody watches while you work, so finish it: "
    "make the change, check it, and say at the end in a few sentences what you did and what you could not do."
)

BUILT_IN: Final = (
    Role(
        name="analyst",
        kind="analyst",
        description="Finds out how things are, changes nothing.",
        permissions="read",
        system_prompt=(
            "You are an analyst. Read the code and the task, find out what is really asked, which parts are touched "
            "and what could go wrong. Change no files. Answer with findings, each with the file and line it rests on, "
            "then open questions, then how large the work is."
        ),
    ),
    Role(
        name="planner",
        kind="planner",
        description="Turns a task into steps, changes nothing.",
        permissions="read",
        system_prompt=(
            "You are a planner. Turn the task into a short list of steps that can each be done and checked alone. For "
            "each step say which files it touches, what proves that it is done and which steps it needs before it. "
            "Change no files."
        ),
    ),
    Role(
        name="builder",
        kind="builder",
        description="Makes the change.",
        system_prompt=(
            f"You are a builder. {_SHARED} Follow the conventions of the code around you, make the smallest change "
            "that does the whole task, add or mend tests for it and run them."
        ),
    ),
    Role(
        name="tester",
        kind="tester",
        description="Tests what is there and says what does not hold.",
        system_prompt=(
            f"You are a tester. {_SHARED} Run what tests there are, write those that are missing for the task, and "
            "report each failure with how to reproduce it. Do not change the code under test."
        ),
    ),
    Role(
        name="reviewer",
        kind="reviewer",
        description="Reads a change and says what is wrong with it.",
        permissions="read",
        system_prompt=(
            "You are a reviewer. Read the change for mistakes, missing cases, security and needless complexity. For "
            "each finding give file, line, how bad it is and what would be better. Say so plainly when there is "
            "nothing to find. Change no files."
        ),
    ),
)
