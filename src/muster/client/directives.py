"""Answers to heartbeats, whose directives a newer server may know more kinds of."""

from __future__ import annotations

import logging
from typing import Any, Final, TypeVar, cast

import msgspec

from muster.client.wire import DIRECTIVES, HeartbeatAnswer, WorkerHeartbeatAnswer

log = logging.getLogger(__name__)

MOST_REMEMBERED: Final = 100
LONGEST: Final = 50

A = TypeVar("A", HeartbeatAnswer, WorkerHeartbeatAnswer)


class Directives:
    """Leaves out directives of kinds that this version does not know, and says so once for each kind."""

    def __init__(self) -> None:
        self._unknown: set[str] = set()

    def read(self, body: bytes, answer: type[A]) -> A:
        """The answer with the directives that are known. msgspec's DecodeError when it is not one at all."""
        try:
            return msgspec.json.decode(body, type=answer)
        except msgspec.ValidationError:
            return msgspec.convert(self._known(msgspec.json.decode(body)), type=answer)

    def _known(self, document: Any) -> Any:
        if not isinstance(document, dict):
            return document
        fields = cast(dict[str, Any], document)
        if not isinstance(fields.get("directives"), list):
            return fields
        told = cast(list[Any], fields["directives"])
        return {**fields, "directives": [word for word in told if not self._is_unknown(word)]}

    def _is_unknown(self, word: Any) -> bool:
        kind = cast(dict[str, Any], word).get("kind") if isinstance(word, dict) else None
        if not isinstance(kind, str) or kind in DIRECTIVES:
            return False
        if kind not in self._unknown and len(self._unknown) < MOST_REMEMBERED:
            self._unknown.add(kind)
            log.warning(
                "the server wants %r, which this version does not know; it is ignored", kind[:LONGEST]
            )
        return True
