"""Entries of a transcript as JSON objects and back; and cut to a size that is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Final, cast

from muster.domain.transcript import ENTRIES, Entry, Option, PlanItem, Unknown
from muster.domain.usage import TokenUsage

MAX_TEXT: Final = 65_536
"""Characters of a text in an entry that are kept."""
MAX_ENTRY: Final = 262_144
"""Characters of an entry's JSON beyond which its texts and lists are cut to much less."""
MAX_DEPTH: Final = 12
_SMALL_TEXT: Final = 1_024
_MARK: Final = 64
_SMALL_LIST: Final = 100

_BY_KIND: Final = {entry.kind: entry for entry in ENTRIES}
_PARTS: Final[dict[str, type[Any]]] = {"items": PlanItem, "options": Option}


def document_of(entry: Entry) -> dict[str, Any]:
    """The JSON object of an entry: `kind` and those fields that are not at their default."""
    return {"kind": entry.kind, **_members(entry)}


def _members(part: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in fields(part):
        value = getattr(part, item.name)
        if value != _default(item):
            found[item.name] = _plain(value)
    return found


def _default(item: Field[Any]) -> Any:
    return item.default_factory() if item.default_factory is not MISSING else item.default


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return _members(value)
    if isinstance(value, list):
        return [_plain(item) for item in cast(list[Any], value)]
    return value


def entry_of(document: Mapping[str, Any]) -> Entry:
    """The entry of a JSON object. One that this version does not know is Unknown, with the object as its line."""
    made = _BY_KIND.get(str(document.get("kind")))
    try:
        if made is not None:
            known = {item.name for item in fields(made)}
            return made(**{name: _part(name, value) for name, value in document.items() if name in known})
    except TypeError:
        pass  # A field it needs is not there: it is not known either.
    return Unknown(line=json.dumps(document, ensure_ascii=False))


def _part(name: str, value: Any) -> Any:
    if name in _PARTS and isinstance(value, list):
        return [_PARTS[name](**item) for item in cast(list[dict[str, Any]], value)]
    if name == "usage" and isinstance(value, Mapping):
        return TokenUsage(**cast(Mapping[str, int], value))
    return value


def fitted(document: Mapping[str, Any]) -> dict[str, Any]:
    """The object with its texts cut to what is kept, each with a mark that says how much is missing.

    NUL characters and lone surrogates, which no database keeps as text, are replaced.
    """
    small = cast(dict[str, Any], _cut(dict(document), MAX_TEXT, None, 0))
    if len(json.dumps(small, ensure_ascii=False)) > MAX_ENTRY:
        small = cast(dict[str, Any], _cut(small, _SMALL_TEXT, _SMALL_LIST, 0))
    return small


def _cut(value: Any, text: int, members: int | None, depth: int) -> Any:
    match value:
        case str():
            return cut_text(_clean(value), text)
        case dict() | list() if depth >= MAX_DEPTH:
            return _cut(json.dumps(value, ensure_ascii=False), text, members, depth)
        case dict():
            return _cut_object(cast(dict[str, Any], value), text, members, depth)
        case list():
            return _cut_list(cast(list[Any], value), text, members, depth)
        case _:
            return value


def _clean(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "replace").decode()
    return text.replace("\x00", "\ufffd")


def _cut_list(value: list[Any], text: int, members: int | None, depth: int) -> list[Any]:
    kept = [_cut(item, text, members, depth + 1) for item in value[:members]]
    if len(kept) < len(value) and all(isinstance(item, str) for item in value):
        kept.append(f"[{len(value) - len(kept)} more]")
    return kept


def _cut_object(value: dict[str, Any], text: int, members: int | None, depth: int) -> dict[str, Any]:
    items = list(value.items())
    kept = {_cut(name, text, None, 0): _cut(item, text, members, depth + 1) for name, item in items[:members]}
    if len(kept) < len(items):
        kept["..."] = f"[{len(items) - len(kept)} more]"
    return kept


def cut_text(text: str, limit: int) -> str:
    """At most `limit` characters of a text and, when some are missing, a mark that says how many."""
    if len(text) <= limit:
        return text
    kept = limit - _MARK
    return f"{text[:kept]}\n[{len(text) - kept} of {len(text)} characters cut]"
