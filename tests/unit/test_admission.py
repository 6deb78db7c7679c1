"""What may be handed out to whom, and why the rest waits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.domain import ids
from muster.domain.admission import (
    WAITING_REASONS,
    ClaimFilter,
    LaneFacts,
    ProviderTrouble,
    WorkerFacts,
    affordable,
    budget_hold,
    hold_of,
    ready_hold,
)

OPEN = LaneFacts(
    lane_id=1,
    project_id=20,
    queue_id=30,
    kind="bash",
    requires="",
    assignee="",
    ready=1,
    queue="build",
    mode="auto",
    queue_status="active",
    queue_paused=False,
    queue_limit=None,
    instructions="",
    project="web",
    project_status="active",
    allocated=None,
    enforcement="hard",
    reserved=0,
    spent=0,
    project_limit=None,
)
WORKER = WorkerFacts("w", frozenset({"auto"}), None, None, frozenset(), capacity=2, running=0)
CLAUDE = replace(WORKER, capabilities=frozenset({"agent:claude"}))
DOWN = ProviderTrouble("anthropic", frozenset({"claude"}), "529 Overloaded", until=5)
TRIED = ProviderTrouble("anthropic", frozenset({"claude"}), "529 Overloaded", until=None, trying=1)
MONEY = st.integers(0, 10**12)


class TestGates:
    def test_nothing_holds_an_open_lane(self) -> None:
        """MC-2"""
        assert hold_of(OPEN) is None
        assert not OPEN.limited
        assert hold_of(replace(OPEN, troubles=[replace(TRIED, trying=0)])) is None
        assert (OPEN.agent, replace(OPEN, requires="gpu,agent:claude").agent) == ("", "claude")

    @pytest.mark.parametrize(
        ("lane", "code", "words"),
        [
            (replace(OPEN, project_status="paused"), "project_paused", "project web is paused"),
            (
                replace(OPEN, troubles=[DOWN]),
                "circuit_open",
                "model provider anthropic is failing (529 Overloaded); it is tried again later",
            ),
            (
                replace(OPEN, troubles=[TRIED]),
                "circuit_open",
                "model provider anthropic was failing; another task tries it first",
            ),
            (replace(OPEN, project_status="completed"), "project_completed", "project web is completed"),
            (replace(OPEN, queue_status="archived"), "queue_archived", "queue build is archived"),
            (replace(OPEN, queue_paused=True), "queue_paused", "queue build is paused"),
            (
                replace(OPEN, queue_limit=2, queue_running=2),
                "concurrency",
                "2 of 2 allowed tasks of queue build run",
            ),
            (
                replace(OPEN, project_limit=1, project_running=3),
                "concurrency",
                "3 of 1 allowed tasks of project web run",
            ),
            (
                replace(OPEN, allocated=5_000_000, spent=4_000_000, reserved=1_000_000),
                "budget",
                "project web has $0.0000 left of $5.00 ($1.0000 reserved)",
            ),
        ],
    )
    def test_a_held_lane_says_why(self, lane: LaneFacts, code: str, words: str) -> None:
        """SW-4b"""
        hold = hold_of(lane)
        assert hold is not None
        assert (hold.code, hold.message) == (code, words)
        assert code in WAITING_REASONS
        assert hold.details

    def test_below_its_limits_a_lane_is_open(self) -> None:
        """MC-2"""
        lane = replace(OPEN, queue_limit=2, queue_running=1, project_limit=5, project_running=4)
        assert hold_of(lane) is None
        assert lane.limited

    def test_a_pause_is_said_before_a_limit(self) -> None:
        """SW-4b"""
        hold = hold_of(replace(OPEN, queue_paused=True, queue_limit=0))
        assert hold is not None
        assert hold.code == "queue_paused"


class TestBudgets:
    @given(MONEY, MONEY, MONEY, MONEY)
    def test_what_is_affordable_never_overdraws_a_hard_budget(
        self, allocated: int, reserved: int, spent: int, estimate: int
    ) -> None:
        """SW-4d"""
        lane = replace(OPEN, allocated=allocated, reserved=reserved, spent=spent)
        if affordable(lane, estimate):
            assert reserved + spent + estimate <= allocated
            assert hold_of(lane) is None

    @given(MONEY, MONEY, MONEY)
    def test_a_soft_budget_holds_nothing(self, allocated: int, spent: int, estimate: int) -> None:
        """SW-4d"""
        lane = replace(OPEN, allocated=allocated, spent=spent, enforcement="soft")
        assert affordable(lane, estimate)
        assert hold_of(lane) is None
        assert lane.room is None
        assert not lane.limited

    def test_a_used_up_budget_hands_out_not_even_what_costs_nothing(self) -> None:
        """SW-4d"""
        assert not affordable(replace(OPEN, allocated=10, spent=10), 0)

    def test_the_words_name_what_is_left_and_what_is_wanted(self) -> None:
        """SW-4b"""
        lane = replace(OPEN, allocated=2_000_000, spent=1_500_000)
        assert lane.limited
        hold = budget_hold(lane, 750_000)
        assert hold.message.endswith(
            "has $0.5000 left of $2.00 ($0.0000 reserved), the task is estimated at $0.7500"
        )
        assert hold.details == {"project": "web", "left_usd": 0.5, "estimate_usd": 0.75}

    def test_an_overdrawn_budget_has_nothing_left(self) -> None:
        """SW-4d"""
        assert budget_hold(replace(OPEN, allocated=1, spent=5), 0).details["left_usd"] == 0


EXTERNAL = replace(OPEN, mode="external")


class TestClaimers:
    @pytest.mark.parametrize(
        ("lane", "claimer", "accepted"),
        [
            (EXTERNAL, ClaimFilter("ann"), True),
            (OPEN, ClaimFilter("ann"), False),
            (OPEN, ClaimFilter("ann", modes=frozenset({"auto"})), True),
            (replace(EXTERNAL, assignee="bob"), ClaimFilter("ann"), False),
            (replace(OPEN, assignee="ann"), ClaimFilter("ann"), True),
            (OPEN, ClaimFilter("ann", queues=frozenset({"build"})), True),
            (OPEN, ClaimFilter("ann", queues=frozenset({ids.encode(ids.QUEUE, 30)})), True),
            (OPEN, ClaimFilter("ann", queues=frozenset({"test"})), False),
            (replace(OPEN, assignee="ann"), ClaimFilter("ann", queues=frozenset({"test"})), False),
            (EXTERNAL, ClaimFilter("ann", projects=frozenset({"web"})), True),
            (EXTERNAL, ClaimFilter("ann", projects=frozenset({ids.encode(ids.PROJECT, 20)})), True),
            (EXTERNAL, ClaimFilter("ann", projects=frozenset({"other"})), False),
            (EXTERNAL, ClaimFilter("ann", kinds=frozenset({"bash", "llm"})), True),
            (EXTERNAL, ClaimFilter("ann", kinds=frozenset({"llm"})), False),
            (replace(EXTERNAL, requires="cuda,gpu"), ClaimFilter("ann"), False),
            (
                replace(EXTERNAL, requires="cuda,gpu"),
                ClaimFilter("ann", capabilities=frozenset({"gpu"})),
                False,
            ),
            (
                replace(EXTERNAL, requires="cuda,gpu"),
                ClaimFilter("ann", capabilities=frozenset({"gpu", "cuda", "big"})),
                True,
            ),
        ],
    )
    def test_a_claimer_gets_what_it_asked_for_and_may_have(
        self, lane: LaneFacts, claimer: ClaimFilter, accepted: bool
    ) -> None:
        """MC-2, SQ-4"""
        assert claimer.accepts(lane) is accepted


class TestWaiting:
    """SW-4b: every waiting task says why."""

    @pytest.mark.parametrize(
        ("lane", "estimate", "workers", "code"),
        [
            (replace(OPEN, queue_paused=True), 0, [WORKER], "queue_paused"),
            (replace(OPEN, allocated=10), 11, [WORKER], "budget"),
            (replace(OPEN, assignee="ann"), 0, [WORKER], "assigned_to"),
            (replace(OPEN, mode="manual"), 0, [WORKER], "waiting_for_person"),
            (EXTERNAL, 0, [WORKER], "waiting_for_agent"),
            (OPEN, 0, [], "no_worker"),
            (OPEN, 0, [replace(WORKER, kinds=frozenset({"python"}))], "no_worker"),
            (replace(OPEN, requires="gpu"), 0, [WORKER], "no_worker"),
            (replace(OPEN, requires="agent:claude"), 0, [WORKER], "no_agent"),
            (replace(OPEN, requires="agent:claude"), 0, [], "no_worker"),
            (replace(OPEN, requires="agent:claude,sandbox:gvisor"), 0, [CLAUDE], "no_sandbox"),
            (replace(OPEN, requires="agent:claude,gpu"), 0, [CLAUDE], "no_worker"),
            (replace(OPEN, requires="agent:claude"), 0, [CLAUDE], "in_line"),
            (OPEN, 0, [replace(WORKER, running=2)], "worker_busy"),
            (OPEN, 0, [replace(WORKER, running=2), WORKER], "in_line"),
        ],
    )
    def test_a_ready_task_says_why_nobody_has_it_yet(
        self, lane: LaneFacts, estimate: int, workers: list[WorkerFacts], code: str
    ) -> None:
        hold = ready_hold(lane, estimate, workers)
        assert hold.code == code
        assert hold.message
        assert code in WAITING_REASONS

    def test_a_missing_label_is_named(self) -> None:
        hold = ready_hold(replace(OPEN, requires="gpu"), 0, [WORKER])
        assert hold.message == "no connected worker runs bash tasks with gpu"

    def test_the_way_to_work_by_hand_is_named(self) -> None:
        hold = ready_hold(replace(OPEN, mode="manual"), 0, [])
        assert "muster worker run build" in hold.message
