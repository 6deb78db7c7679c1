"""Shapes of the fleet and of the overview."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from muster.api.schemas.runs import Tokens
from muster.api.schemas.shape import Answer, Moment, Query


class AgentNow(Answer):
    """What an agent does at the moment."""

    verb: str = Field(
        examples=["editing"],
        description="reading, editing, deleting, moving, searching, running, fetching, calling, thinking, writing, "
        "planning, finishing, printing, saying, asking (a question), wanting (leave).",
    )
    subject: str = Field(examples=["src/app.py"], description="What it is done to; may be empty.")


class FleetRow(Answer):
    """An agent at work on an attempt, or one that does nothing. An agent that does several things has several rows."""

    agent_id: str
    name: str
    state: Literal["running", "paused", "waiting", "stale", "idle", "offline", "failed"] = Field(
        description="paused: a person let it stand still; waiting: for a person; stale: silent for its whole timeout, "
        "or its worker is."
    )
    program: str = Field(
        examples=["claude"], description="Which agent works; for a script, its kind; else empty."
    )
    role: str
    model: str
    now: AgentNow | None
    task_id: str | None
    task: str
    attempt_id: str | None
    attempt: int
    approval_id: str | None = Field(description="What it asks of a person.")
    context_used: int | None
    context_window: int | None
    tokens: int
    cost_usd: float
    unpriced_calls: int
    since: Moment = Field(description="When the attempt began, or when the agent was last active.")
    machine: str | None = Field(description="Null: an agent that works from elsewhere.")


class Machine(Answer):
    """A host with workers."""

    host: str
    capacity: int = Field(description="Tasks its live workers run at once.")
    running: int
    last_seen_at: Moment
    quiet: bool = Field(description="Nothing was heard of it for 45 s, though its workers did not sign off.")
    sandbox: str
    load: float | None = Field(
        description="Runnable processes for each processor; null when it was not told."
    )
    gpu: str = Field(description="Its first graphics processor; may be empty.")
    gpu_memory: float | None = Field(description="The share of that one's memory in use.")


class Fleet(Answer):
    """Everybody who works, or could."""

    rows: list[FleetRow]
    machines: list[Machine]
    more: bool = Field(description="There are further rows that are not shown.")
    event_position: int = Field(description="Position in the log up to which this is true at least.")


class OverviewQuery(Query):
    """Which day."""

    since: Moment | None = Field(
        default=None,
        description="When the day began, for instance your midnight; at most 7 days ago. Default: 24 hours ago.",
    )


class HourEnded(Answer):
    """Tasks that ended in an hour of the day."""

    succeeded: int
    failed: int
    cancelled: int


class Day(Answer):
    """What the day came to."""

    since: Moment
    cost_usd: float
    unpriced_calls: int = Field(description="Calls whose price nobody knows; `cost_usd` leaves them out.")
    tokens: Tokens
    hours: list[HourEnded] = Field(description="From `since` on, the last one is the present.")
    median_seconds: float | None = Field(description="How long attempts that succeeded took.")


class Overview(Answer):
    """The installation in a few figures."""

    waiting: int = Field(description="Requests and results that wait for a person.")
    reviews: int = Field(description="Of these: results that wait for a verdict.")
    unseen: int = Field(
        description="Results with commits that nobody merged, decided on or set aside; nothing waits for that. 1000 at most."
    )
    problems: int = Field(description="Tasks that failed for good and are not archived, 1000 at most.")
    stuck: int = Field(
        description="Open tasks that wait for one that failed, was cancelled or was rejected, 1000 at most: they go on only "
        "when somebody acts."
    )
    open: int = Field(description="Tasks that wait or run.")
    tasks: dict[str, int]
    budget_usd: float | None = Field(
        description="The budgets of all projects together; null when none has one."
    )
    budget_used_usd: float = Field(description="What these projects spent and have reserved of it.")
    day: Day
    event_position: int
    version: str
