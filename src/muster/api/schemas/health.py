"""Shapes of health and readiness."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from muster.api.schemas.shape import Answer


class Health(Answer):
    """The process is alive."""

    status: Literal["ok"] = "ok"
    version: str = Field(examples=["0.1.0"])
    uptime_seconds: float = Field(examples=[86400.5])
    database: str = Field(examples=["sqlite"], description="`sqlite` or `postgresql`.")
    queue_depth: int = Field(examples=[12], description="Tasks that are ready and not running.")


class Check(Answer):
    """One thing that must work."""

    name: str = Field(examples=["database"])
    ok: bool
    problem: str | None = None


class Readiness(Answer):
    """Whether the server takes work."""

    ready: bool
    checks: list[Check]
