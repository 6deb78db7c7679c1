"""Shapes of what is known of a task beforehand."""

from __future__ import annotations

from pydantic import Field

from muster.api.schemas.shape import Answer, JsonObject


class Range(Answer):
    """The middle three fifths of what was seen; all of it where fewer than five were seen."""

    low: float
    typical: float
    high: float


class Hold(Answer):
    """What would keep it waiting; see docs/reference/waiting-reasons.md."""

    code: str = Field(examples=["no_agent"])
    message: str
    details: JsonObject


class TaskEstimate(Answer):
    """What tasks like it came to, and when it would begin. Nothing is guessed: what nobody knows is null."""

    similar: int = Field(description="So many tasks that ended are the basis.", examples=[41])
    same: list[str] = Field(
        description="What they have in common with it.", examples=[["type", "agent", "directory"]]
    )
    rough: bool = Field(description="Fewer than ten: take it as a hint.")
    succeeded: float | None = Field(description="The share of them that did.")
    cost_usd: Range | None = Field(description="null: no such task, or their price is not known.")
    seconds: Range | None
    tokens: Range | None
    position: int = Field(description="Its place in its queue, from 1.")
    waits_for: Hold | None = Field(description="null: nothing holds it back but other tasks.")
    starts_in_seconds: Range | None = Field(description="0: at once. null: that cannot be told.")
    workers: int = Field(description="Connected workers that run such tasks.")
    free_places: int = Field(description="Of these workers, now.")
