"""Commits as people name them: by the beginning of their id."""

from __future__ import annotations

from typing import Final

from muster.domain.errors import InvalidInput

SHORT: Final = 8
"""Characters of an id that are shown."""
FEWEST: Final = 4
WHOLE: Final = 40


def seen(given: str | None, now: str | None) -> str | None:
    """The whole id of the commit that was looked at: the present one, unless another is given.

    InvalidInput for a beginning that is not the present one's; whole ids are left to the server.
    """
    if given is None or (now is not None and len(given) >= FEWEST and now.startswith(given.lower())):
        return now
    if len(given) < WHOLE:
        where = "there is no work yet" if now is None else f"the work is at {now[:SHORT]}"
        raise InvalidInput(field="--commit", problem=f"{where}, not at {given[:WHOLE]!r}: look at it again")
    return given
