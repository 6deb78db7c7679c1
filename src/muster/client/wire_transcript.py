"""The entries of a transcript on the wire: strict structs made of the dataclasses of `domain.transcript`.

An entry is a JSON object tagged by `kind`; unknown kinds and fields are refused.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING, Annotated, Any, Final, Union, cast, get_type_hints

import msgspec
from msgspec import Meta

from muster.domain.transcript import ENTRIES, Option, PlanItem
from muster.domain.usage import TokenUsage


def _struct(kind: type[Any], name: str, **options: Any) -> type[msgspec.Struct]:
    hints = get_type_hints(kind)
    members = [_member(item, _PARTS.get(hints[item.name], hints[item.name])) for item in fields(kind)]
    return msgspec.defstruct(
        name,
        members,
        namespace={"__doc__": kind.__doc__},
        module=__name__,
        forbid_unknown_fields=True,
        omit_defaults=True,
        kw_only=True,
        **options,
    )


def _member(item: Field[Any], hint: Any) -> Any:
    if item.default_factory is not MISSING:
        # Of the plain type: only then is an empty one left out when it is encoded.
        made: Any = item.default_factory()
        return (item.name, hint, msgspec.field(default_factory=cast(Any, type(made))))
    if item.default is not MISSING:
        return (item.name, hint, item.default)
    return (item.name, hint)


_WHOLE: Final[Any] = Annotated[int, Meta(ge=-(2**53), le=2**53)]
_NUMBER: Final[Any] = Annotated[float, Meta(ge=-(2.0**53), le=2.0**53)]
_PARTS: Final[dict[Any, Any]] = {int: _WHOLE, int | None: _WHOLE | None, float | None: _NUMBER | None}
_PARTS[list[PlanItem]] = list[_struct(PlanItem, "PlanStep")]
_PARTS[list[Option]] = list[_struct(Option, "AnswerOption")]
_PARTS[TokenUsage | None] = _struct(TokenUsage, "ReportedTokens") | None

ENTRY_STRUCTS: Final = tuple(
    _struct(kind, f"{kind.__name__}Entry", tag=kind.kind, tag_field="kind") for kind in ENTRIES
)
"""One struct for each kind of entry, in the order of ENTRIES."""

if TYPE_CHECKING:
    AnyEntry = msgspec.Struct
else:
    AnyEntry = Union[ENTRY_STRUCTS]  # noqa: UP007 - of a tuple made at run time
