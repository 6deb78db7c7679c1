"""A text that comes in pieces and then whole: what is still to be told when the whole is there."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Streamed:
    """By key, the pieces that were told already."""

    _told: dict[str, str] = field(default_factory=dict[str, str])

    def piece(self, key: str, piece: str) -> None:
        """A piece is told."""
        self._told[key] = self._told.get(key, "") + piece

    def rest(self, key: str, whole: str) -> list[str]:
        """What is left to tell, in messages: nothing, the rest, or an end and the whole when it is another text."""
        told = self._told.pop(key, "")
        if whole.startswith(told):
            left = whole[len(told) :]
            return [left] if left or told else []
        return ["", whole]
