"""Shapes of model providers."""

from __future__ import annotations

from pydantic import Field

from muster.api.schemas.shape import Answer, Moment


class FailingProvider(Answer):
    """A model provider whose calls failed in a row: tasks of its agents wait."""

    name: str = Field(examples=["anthropic"])
    state: str = Field(description="open: nothing is tried; half_open: one task at a time tries it.")
    failures: int = Field(description="Failed calls in a row.")
    until: Moment | None = Field(description="When it is tried again.")
    agents: list[str] = Field(description="Whose tasks wait.")
    message: str = Field(description="What its last failed call said.")
    updated_at: Moment


class FailingProviderList(Answer):
    """Failing providers by name."""

    items: list[FailingProvider]
