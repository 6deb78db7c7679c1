"""What is wrong with a field is said in words, whichever validator found it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import msgspec
import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from muster.api.errors import of_decoding, of_validation
from muster.api.problems import of_item

LINE = r"^[^\x00-\x1f\x7f-\x9f]+$"


class Packed(msgspec.Struct, forbid_unknown_fields=True):
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=3, pattern=LINE)]
    count: Annotated[int, msgspec.Meta(ge=0, le=5)] = 0
    state: Literal["open", "done"] = "open"
    parts: Annotated[list[int], msgspec.Meta(max_length=1)] | None = None


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=3, pattern=LINE)
    count: int = Field(default=0, ge=0, le=5)
    state: Literal["open", "done"] = "open"
    parts: list[int] | None = Field(default=None, max_length=1)


CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"title": ""}, "title: must not be empty", "title: must not be empty"),
    ({"title": "four"}, "title: may have 3 characters at most", "title: may have 3 characters at most"),
    ({"title": "\x01"}, *["title: must be one line, without control characters"] * 2),
    ({"title": 4}, "title: must be text, and is a whole number", "title: must be text"),
    ({"title": "a", "count": 6}, "count: must be 5 or less", "count: must be 5 or less"),
    (
        {"title": "a", "count": "many"},
        "count: must be a whole number, and is text",
        "count: must be a whole number",
    ),
    (
        {"title": "a", "state": "lost"},
        "state: must be one of the listed words, and is 'lost'",
        "state: must be 'open' or 'done'",
    ),
    ({"title": "a", "parts": "b"}, "parts: must be a list or null, and is text", "parts: must be a list"),
    (
        {"title": "a", "parts": [1, 2]},
        "parts: may have 1 entry at most",
        "parts: may have 1 entry at most, and has 2",
    ),
    ({"title": "a", "colour": "red"}, "body: 'colour' is not known here", "colour: is not known here"),
    ({}, "body: 'title' must be given", "title: must be given"),
]


@pytest.mark.parametrize(("body", "packed", "asked"), CASES)
def test_a_wrong_field_is_told_in_words(body: dict[str, Any], packed: str, asked: str) -> None:
    """OD-42"""
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(msgspec.json.encode(body), type=Packed)
    assert of_decoding(refused.value).message == packed
    with pytest.raises(ValidationError) as found:
        Asked.model_validate(body)
    assert of_validation(RequestValidationError(found.value.errors())).message == asked


def test_a_pattern_without_words_is_shown() -> None:
    """OD-42"""

    class Odd(BaseModel):
        code: str = Field(pattern=r"^[xyz]{2}$")

    with pytest.raises(ValidationError) as found:
        Odd(code="a")
    assert (
        of_validation(RequestValidationError(found.value.errors())).message == r"code: must match ^[xyz]{2}$"
    )


def test_every_pattern_of_the_document_has_words() -> None:
    """OD-42: nobody is shown a regular expression."""
    document = Path(__file__).resolve().parents[2] / "docs" / "reference" / "openapi.json"
    patterns = {str(found) for found in _patterns(json.loads(document.read_bytes()))}
    assert len(patterns) > 10
    wordless = [
        pattern
        for pattern in patterns
        if "match" in of_item({"type": "string_pattern_mismatch", "ctx": {"pattern": pattern}, "msg": ""})
    ]
    assert wordless == []


def _patterns(node: Any) -> Iterator[object]:
    if isinstance(node, dict):
        shape = cast("dict[str, Any]", node)
        if isinstance(shape.get("pattern"), str):
            yield shape["pattern"]
        node = list(shape.values())
    if isinstance(node, list):
        for part in cast("list[Any]", node):
            yield from _patterns(part)
