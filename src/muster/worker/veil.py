"""Keeps a secret out of what is kept: agents print the token of their run in error messages and environments."""

from __future__ import annotations

from typing import Final

SHOWN: Final = b"***"


class Veil:
    """Puts `***` in place of a secret in a stream, wherever the pieces of the stream are cut. No secret: nothing changes."""

    def __init__(self, secret: str | None) -> None:
        self._secret = (secret or "").encode()
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """A piece of the stream; what may be the beginning of the secret is held back until the next one."""
        if not self._secret:
            return data
        shown = (self._rest + data).replace(self._secret, SHOWN)
        held = next((n for n in range(len(self._secret) - 1, 0, -1) if shown.endswith(self._secret[:n])), 0)
        self._rest = shown[len(shown) - held :]
        return shown[: len(shown) - held]

    def finish(self) -> bytes:
        """What was held back at the end."""
        rest, self._rest = self._rest, b""
        return rest
