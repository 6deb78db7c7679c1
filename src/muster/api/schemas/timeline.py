"""Shapes of who worked on what when."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from muster.api.schemas.shape import Answer, Moment, Query, Word


class TimelineQuery(Query):
    """Which attempts."""

    since: Moment = Field(description="Those that were at work then or later.")
    project: Word | None = Field(default=None, description="Id or name.")


class TimelineBar(Answer):
    """An attempt, from when it was taken to when it ended."""

    attempt_id: str
    task_id: str
    title: str
    number: int
    state: Literal["running", "succeeded", "failed", "cancelled"]
    agent_id: str
    project_id: str
    project: str
    began_at: Moment
    ended_at: Moment | None


class TimelineWait(Answer):
    """`after` waited for `before`; both have bars."""

    before: str = Field(examples=["tsk_0dq3m8x1c7w00"])
    after: str


class Timeline(Answer):
    """Every attempt of a stretch of time, the oldest first; at most the last 2,000."""

    bars: list[TimelineBar]
    waits: list[TimelineWait]
    more: bool = Field(description="There are earlier ones, which are not shown.")
