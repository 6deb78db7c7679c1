"""What is wrong with a field, in words: of what the two validators, pydantic and msgspec, say of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

_ONE_LINE = "must be one line, without control characters"
_TRIMMED = f"{_ONE_LINE}, and without spaces at its ends"

_PATTERNS: Final[Mapping[str, str]] = {
    r"^[^\x00]+$": "must not contain NUL characters",
    r"^[^\x00]*$": "must not contain NUL characters",
    r"^[^\x00-\x1f\x7f-\x9f]+$": _ONE_LINE,
    r"^[^\x00-\x1f\x7f-\x9f]*$": _ONE_LINE,
    r"^[^\x00-\x20\x7f-\xa0\xad]([^\x00-\x1f\x7f-\xa0\xad]*[^\x00-\x20\x7f-\xa0\xad])?$": _TRIMMED,
    r"^[^\x00-\x20\x7f-\xa0\xad/]([^\x00-\x1f\x7f-\xa0\xad/]*[^\x00-\x20\x7f-\xa0\xad/])?$": f"{_TRIMMED}, and without '/'",
    r"^[^\x00]*[^\x00 \t\r\n][^\x00]*$": "must be more than blanks, and without NUL characters",
    r"^/[^\x00]*$": "must be a path from the root: it begins with '/'",
    r"^[a-z][a-z0-9_-]*$": "must begin with a small letter; then small letters, digits, '_' and '-'",
    r"^[A-Za-z][A-Za-z0-9_-]{0,63}$": "must begin with a letter; then at most 63 letters, digits, '_' and '-'",
    r"^[A-Za-z0-9_.:=/-]+$": "may have letters, digits and _ . : = / - only",
    r"^[A-Za-z0-9_.-]+$": "may have letters, digits and _ . - only",
    r"^[0-9]+$": "must be a number, written in digits",
    r"^[0-9]*$": "must be a number, written in digits",
    r"^[0-9a-f]+$": "must be hexadecimal digits, in small letters",
    r"^[0-9a-f]{4,64}\Z": "must be 4 to 64 hexadecimal digits, in small letters",
    r"^[0-9a-f]{64}\Z": "must be a SHA-256: 64 hexadecimal digits, in small letters",
    r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$": "must be base64, padded with '='",
    r"^(last-review|[0-9a-f]{40,64})$": "must be 'last-review' or a whole commit id",
}

_KINDS: Final[Mapping[str, str]] = {
    "missing": "must be given",
    "extra_forbidden": "is not known here",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing_size": "is too large a number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "json_invalid": "is not valid JSON",
}
_LIMITS: Final[Mapping[str, str]] = {
    "greater_than_equal": "must be {ge} or more",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be {le} or less",
    "less_than": "must be less than {lt}",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "too_short": "must have {min_length} or more",
    "string_too_long": "may have {max_length} characters at most",
}


def _matching(pattern: str) -> str:
    return _PATTERNS.get(pattern, f"must match {pattern}")


def of_item(item: Mapping[str, Any]) -> str:
    """What is wrong, of one item of pydantic's `errors()` (its `type`, `ctx` and `msg`)."""
    kind, context = str(item["type"]), dict[str, Any](item.get("ctx") or {})
    if kind in _KINDS:
        return _KINDS[kind]
    if kind == "string_pattern_mismatch":
        return _matching(str(context["pattern"]))
    if kind == "string_too_short":
        least = context["min_length"]
        return "must not be empty" if least == 1 else f"must have {least} characters or more"
    if kind == "too_long":
        most = context["max_length"]
        return f"may have {most} {'entry' if most == 1 else 'entries'} at most, and has {context['actual_length']}"
    if kind in _LIMITS:
        return _LIMITS[kind].format(**context)
    return str(item["msg"]).removeprefix("Value error, ")


_NAMES: Final[Mapping[str, str]] = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def _kind(found: re.Match[str]) -> str:
    wanted = [_NAMES.get(name.strip(), name.strip()) for name in found["wanted"].split("|")]
    got = _NAMES.get(found["got"], found["got"])
    return f"must be {' or '.join(wanted)}, and is {got}"


def _length(found: re.Match[str]) -> str:
    what, limit = "character" if found["type"] in ("str", "bytes") else "entry", found["limit"]
    several = what if limit == "1" else {"character": "characters", "entry": "entries"}[what]
    if found["how"] == "<=":
        return f"may have {limit} {several} at most"
    return "must not be empty" if limit == "1" else f"must have {limit} {several} or more"


def _amount(found: re.Match[str]) -> str:
    words = {">=": "{} or more", "<=": "{} or less", ">": "more than {}", "<": "less than {}"}
    return f"must be {words[found['how']].format(found['limit'])}"


def _regex(found: re.Match[str]) -> str:
    return _matching(found["pattern"].replace("\\\\", "\\"))


_DECODING: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...]] = (
    (re.compile(r"Expected `(?P<wanted>[^`]+)`, got `(?P<got>\w+)`"), _kind),
    (re.compile(r"Expected `(?P<type>\w+)` of length (?P<how><=|>=) (?P<limit>\d+)"), _length),
    (re.compile(r"Expected `(?:int|float|decimal)` (?P<how><=|>=|<|>) (?P<limit>\S+)"), _amount),
    (re.compile(r"Expected `str` matching regex '(?P<pattern>.*)'"), _regex),
    (re.compile(r"Object missing required field `(?P<name>[^`]+)`"), lambda found: f"'{found['name']}' must be given"),
    (re.compile(r"Object contains unknown field `(?P<name>[^`]+)`"), lambda found: f"'{found['name']}' is not known here"),
    (re.compile(r"Invalid enum value (?P<value>.+)"), lambda found: f"must be one of the listed words, and is {found['value']}"),
)  # fmt: skip


def of_decoding(said: str) -> str:
    """What is wrong, of what msgspec says without its place."""
    for pattern, words in _DECODING:
        if found := pattern.fullmatch(said):
            return words(found)
    return said
