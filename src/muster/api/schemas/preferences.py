"""Shapes of preferences."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from muster.api.schemas.shape import Answer, Body, JsonObject

Version = Annotated[int, Field(ge=0, le=9_007_199_254_740_991)]


class PreferencesFields(Body):
    """All preferences as they are to be, and the version they were made from."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"version": 0, "values": {"theme": "dark", "density": "compact"}}]}
    )

    version: Version = Field(description="As it was read; 0: there were none.")
    values: dict[str, Any] = Field(
        max_length=100,
        description="JSON values by name (lower case, digits, `.`, `_`, `-`); together at most 32 KiB.",
    )


class Preferences(Answer):
    """What somebody set for themselves."""

    version: Version = Field(description="How often they were changed; 0: never.")
    values: JsonObject
    updated_at: str | None
