"""What all shapes of the native API have in common: strict requests, plain answers, one error."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

NO_NUL = r"^[^\x00]*$"
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
# What the names of things may look like: a line of text without spaces at its ends.
EntityName = Annotated[
    str,
    StringConstraints(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x20\x7f-\xa0\xad]([^\x00-\x1f\x7f-\xa0\xad]*[^\x00-\x20\x7f-\xa0\xad])?$",
    ),
]
Level = Annotated[str, StringConstraints(min_length=1, max_length=50, pattern=r"^[a-z][a-z0-9_-]*$")]
Note = Annotated[str, StringConstraints(max_length=2_000, pattern=NO_NUL)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00]+$")]
Text = Annotated[str, StringConstraints(max_length=4_000, pattern=NO_NUL)]
Text64 = Annotated[str, StringConstraints(max_length=65_536, pattern=NO_NUL)]
LongText = Annotated[str, StringConstraints(max_length=262_144, pattern=NO_NUL)]
Moment = Annotated[
    str,
    StringConstraints(max_length=40),
    Field(json_schema_extra={"format": "date-time"}, examples=["2026-01-31T09:30:00.000Z"]),
]
Dollars = Annotated[float, Field(ge=0, le=1_000_000, examples=[0.25])]
Word = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
JsonObject = dict[str, Any]


class Body(BaseModel):
    """A request body: unknown fields and wrong types are refused, never guessed."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


def absent() -> Any:
    """The value of a field that was left out and that may not be null: nobody looks at it."""
    return None


class Query(BaseModel):
    """Query parameters: texts, read as what they are declared to be."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class PageQuery(Query):
    """Which page of a list."""

    cursor: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = Field(
        default=None, description="`next_cursor` of the page before."
    )
    limit: int = Field(default=50, ge=1, le=200)


class Answer(BaseModel):
    """An answer."""

    model_config = ConfigDict(extra="forbid")


class Error(BaseModel):
    """Any refusal. `code` is for programs, `message` for people; `details` holds what the code is about."""

    code: str = Field(examples=["not_found"])
    message: str = Field(examples=["There is no task tsk_0dq3m8x1c7w00."])
    details: dict[str, Any] = Field(examples=[{"noun": "task", "id": "tsk_0dq3m8x1c7w00"}])
    request_id: str = Field(examples=["req_k3x000001"])
    timestamp: str = Field(json_schema_extra={"format": "date-time"}, examples=["2026-01-31T09:30:00.000Z"])


class Done(Answer):
    """It is done."""

    id: str
    done: str = Field(examples=["deleted"])
