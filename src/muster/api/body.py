"""Request bodies: read up to a limit, and refused when a decoder or a database would choke on them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from muster.api.errors import BadUrl, TooDeep, UnsupportedMediaType
from muster.domain.errors import InvalidInput, TooLarge

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

UNDECLARED: Final = frozenset({b"", b"application/x-www-form-urlencoded"})
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_LONG_INTEGER: Final = re.compile(rb"(?<![\d.eE+])-?\d{19,}+(?![\d.eE])")
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*+\\u0000")
_FOLD: Final = bytes.maketrans(b"[]", b"{}")
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


class CallerGone(Exception):
    """The caller hung up before the body was complete."""


def check_length(headers: dict[bytes, bytes], limit: int) -> None:
    """Refuse a body that says it is too long before reading it."""
    length = headers.get(b"content-length")
    if length is not None and len(length) < 20 and int(length) > limit:
        raise TooLarge(field="body", size=int(length), limit=limit)


async def read_body(receive: Receive, limit: int) -> bytes:
    """The whole body; TooLarge as soon as it exceeds `limit` bytes, CallerGone when the caller hangs up."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise CallerGone
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):
        body = await _read_rest(receive, body, limit)
    if len(body) > limit:
        raise TooLarge(field="body", size=len(body), limit=limit)
    return body


async def _read_rest(receive: Receive, first: bytes, limit: int) -> bytes:
    parts = [first]
    size = len(first)
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerGone
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise TooLarge(field="body", size=size, limit=limit)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def check_media_type(headers: dict[bytes, bytes], *, undeclared: bool = False) -> None:
    """Only JSON is read. `undeclared`: also when nothing was declared, or what `curl -d` declares unasked."""
    found = headers.get(b"content-type", b"")
    if undeclared and found in UNDECLARED:
        return
    if found != b"application/json" and found.partition(b";")[0].strip().lower() != b"application/json":
        raise UnsupportedMediaType(found=found.decode("latin-1")[:100] or "none")


def check_nul(body: bytes) -> None:
    """NUL characters are no text: databases and shells cut at them."""
    if b"\\u0000" in body and _NUL.search(body):
        raise InvalidInput(field="body", problem="texts must not contain NUL characters")


def check_shape(body: bytes, depth: int) -> None:
    """Refuse nesting deeper than `depth` and integers beyond 64 bits. The body may still be no JSON at all."""
    bare = _STRING.sub(b'"', body)
    brackets = bare.translate(_FOLD, _NOT_BRACKETS)
    for _ in range(depth):
        if not brackets:
            break
        brackets = brackets.replace(b"{}", b"")
    # Anything else that is left never matched: no JSON, which the decoder says better.
    if b"{}" in brackets or brackets.startswith(b"{" * (depth + 1)):
        raise TooDeep(limit=depth)
    for found in _LONG_INTEGER.finditer(bare):
        digits = found.group()
        if len(digits) > 20 or not -(2**63) <= int(digits) < 2**63:
            raise InvalidInput(field="body", problem="integers must fit into 64 bits")


def check_url(raw_path: bytes, query: bytes) -> None:
    """Percent-encoded text in an address must be UTF-8 without NUL."""
    for part in (raw_path, query):
        if b"%" in part:
            plain = unquote_to_bytes(part)
            if b"\x00" in plain:
                raise BadUrl(problem="it contains a NUL character")
            try:
                plain.decode("utf-8")
            except UnicodeDecodeError:
                raise BadUrl(problem="it is not UTF-8") from None
