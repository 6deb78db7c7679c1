"""The payload of a prompt task: what it may hold, and what each wrong field is told."""

from __future__ import annotations

from typing import Any

import pytest

from muster.domain.agent_task import AgentTask, Fallback, ToolServer, is_agent_task, read_agent_task
from muster.domain.errors import InvalidInput


def test_a_prompt_without_an_agent_is_for_somebody_elses_agent() -> None:
    """OD-5"""
    assert not is_agent_task("prompt", {"prompt": "do it"})
    assert not is_agent_task("bash", {"agent": "claude"})


@pytest.mark.parametrize(
    ("kind", "payload"), [("prompt", {"agent": "claude"}), ("prompt", {"role": "builder"}), ("llm", {})]
)
def test_a_named_agent_or_role_and_every_model_call_is_run_by_muster(
    kind: str, payload: dict[str, Any]
) -> None:
    """SW-4j"""
    assert is_agent_task(kind, payload)


def test_every_field_is_read() -> None:
    """OD-5"""
    task = read_agent_task(
        "prompt",
        {
            "agent": "claude",
            "prompt": "mend it",
            "role": "builder",
            "model": "m",
            "fallbacks": [{"model": "small"}, {"agent": "codex"}],
            "instructions": "short",
            "permissions": "ask",
            "tools": ["Bash"],
            "mcp": [
                {"name": "docs", "url": "http://127.0.0.1/mcp", "headers": {"x": "y"}},
                {"name": "db", "argv": ["db-mcp"], "env": {"A": "b"}},
            ],
            "resume": "att_1",
            "fork": True,
            "base": "main",
            "workspace": "worktree",
            "setup": "make deps",
            "cleanup": "make clean",
            "owns": ["src/**"],
            "commit": True,
            "push": "origin",
            "pull_request": {"draft": True},
            "sandbox": "gvisor",
            "allow_hosts": ["pypi.org"],
            "max_turns": 5,
            "max_cost_usd": 1.5,
            "answer_seconds": 60,
            "env": {"A": "b"},
            "limits": {"memory_mb": 100},
            "agent_options": {"x": 1},
        },
    )
    assert task.mcp == (
        ToolServer(name="docs", url="http://127.0.0.1/mcp", headers={"x": "y"}),
        ToolServer(name="db", argv=("db-mcp",), env={"A": "b"}),
    )
    assert task.labels == (
        "agent:claude",
        "agent:codex",
        "sandbox:gvisor",
        "network:allow-list",
    )
    assert (task.max_turns, task.max_cost_usd, task.limits) == (5, 1.5, {"memory_mb": 100})


@pytest.mark.parametrize(
    ("payload", "remote"),
    [
        ({}, None),
        ({"push": "mirror"}, "mirror"),
        ({"pull_request": False}, None),
        ({"pull_request": True}, "origin"),
        ({"pull_request": {"base": "main"}, "push": "mirror"}, "mirror"),
    ],
)
def test_a_pull_request_is_pushed_to_origin_unless_a_remote_is_named(
    payload: dict[str, Any], remote: str | None
) -> None:
    """SW-4i"""
    assert read_agent_task("prompt", payload).remote == remote


def test_what_is_null_is_not_said() -> None:
    assert read_agent_task("prompt", {"agent": None, "role": "builder"}) == AgentTask(role="builder")


def test_a_model_call_needs_no_agent_named() -> None:
    """SQ-8"""
    assert read_agent_task("llm", {"prompt": "hi"}).labels == ("agent:model",)
    assert AgentTask(role="builder").labels == ()


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"agnet": "claude"}, "payload.agnet"),
        ({"agent": 1}, "payload.agent"),
        ({"agent": ""}, "payload.agent"),
        ({"prompt": ["x"]}, "payload.prompt"),
        ({"prompt": "\0"}, "payload.prompt"),
        ({"pull_request": "yes"}, "payload.pull_request"),
        ({"pull_request": {"draft": 1}}, "payload.pull_request.draft"),
        ({"pull_request": {"base": ""}}, "payload.pull_request.base"),
        ({"pull_request": {"title": 1}}, "payload.pull_request.title"),
        ({"pull_request": {"reviewer": "x"}}, "payload.pull_request.reviewer"),
        ({"push": "origin", "workspace": "in_place"}, "payload.push"),
        ({"pull_request": True, "commit": False}, "payload.push"),
        ({"integrate": True, "workspace": "in_place"}, "payload.integrate"),
        ({"integrate": "yes"}, "payload.integrate"),
        ({"permissions": "everything"}, "payload.permissions"),
        ({"fork": "yes"}, "payload.fork"),
        ({"tools": "Bash"}, "payload.tools"),
        ({"tools": ["x"] * 201}, "payload.tools"),
        ({"tools": [1]}, "payload.tools[0]"),
        ({"env": ["A"]}, "payload.env"),
        ({"env": {"A": 1}}, "payload.env.A"),
        ({"limits": {"memory_mb": True}}, "payload.limits.memory_mb"),
        ({"max_turns": 0}, "payload.max_turns"),
        ({"max_cost_usd": True}, "payload.max_cost_usd"),
        ({"max_cost_usd": -1}, "payload.max_cost_usd"),
        ({"mcp": {}}, "payload.mcp"),
        ({"mcp": ["x"]}, "payload.mcp[0]"),
        ({"mcp": [{"name": "a"}]}, "payload.mcp[0]"),
        ({"mcp": [{"name": "muster", "env": {"A": "b"}}]}, "payload.mcp[0]"),
        ({"mcp": [{"name": "a", "url": "u", "argv": ["b"]}]}, "payload.mcp[0]"),
        ({"mcp": [{"name": "a", "uri": "u"}]}, "payload.mcp[0].uri"),
    ],
)
def test_a_wrong_field_is_named(payload: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_agent_task("prompt", payload)
    assert caught.value.details["field"] == field


def test_musters_own_tools_are_listed_by_their_name_alone() -> None:
    """Issue 3, section 6: the tools an agent at work asks people with."""
    own, other = read_agent_task(
        "prompt", {"agent": "claude", "mcp": [{"name": "muster"}, {"name": "muster", "url": "http://x/mcp"}]}
    ).mcp
    assert (own.own, other.own) == (True, False)


def test_fallbacks_are_taken_in_turn_and_then_it_begins_anew() -> None:
    """SW-4d: a used-up quota moves the task to another model or agent."""
    task = AgentTask(
        agent="claude",
        model="large",
        resume="tsk_1",
        fallbacks=(Fallback(model="small"), Fallback(agent="codex")),
    )
    turns = [task.turn(spent) for spent in range(4)]
    assert [(turn.agent, turn.model) for turn in turns] == [
        ("claude", "large"),
        ("claude", "small"),
        ("codex", None),
        ("claude", "large"),
    ]
    assert [turn.resume for turn in turns] == ["tsk_1", "tsk_1", None, "tsk_1"]
    assert [len(turn.fallbacks) for turn in turns] == [2, 1, 0, 2]


def test_an_agent_whose_provider_fails_is_passed_over_while_another_is_left() -> None:
    """SW-4d"""
    fallbacks = (Fallback(model="small"), Fallback(agent="codex"), Fallback(agent="gemini"))
    task = AgentTask(agent="claude", resume="tsk_1", fallbacks=fallbacks)
    assert task.turn(0, ["codex"]) == task
    found = task.turn(0, ["claude"])
    assert (found.agent, found.resume, found.fallbacks) == ("codex", None, fallbacks[2:])
    assert task.turn(0, ["codex", "claude"]).agent == "gemini"
    assert task.turn(3, ["gemini"]).agent == "gemini"
    assert task.turn(0, ["claude", "codex", "gemini"]) == task


@pytest.mark.parametrize(
    ("fallbacks", "problem"),
    [
        ("codex", "must be a list of at most 200 agents or models"),
        ([{}], "must have an agent, a model, or both"),
        ([{"agent": "codex", "effort": "low"}], "must have an agent, a model, or both"),
        ([{"model": 5}], "must be text"),
    ],
)
def test_a_fallback_that_is_none_is_named(fallbacks: Any, problem: str) -> None:
    """SW-4d"""
    with pytest.raises(InvalidInput, match=problem):
        read_agent_task("prompt", {"agent": "claude", "fallbacks": fallbacks})
