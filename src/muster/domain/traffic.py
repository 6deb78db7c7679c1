"""Whether the bytes that a sandbox moves over its network are counted."""

from __future__ import annotations

from typing import Final, Literal, assert_never

NOT_HERE: Final = "Not counted at this level: an open network does not go through muster."
NO_NETWORK: Final = "There is nothing to count: it has no network."


def traffic_problem(network: Literal["none", "hosts", "open"], *, agent: bool) -> str | None:
    """Why they are not; None: they are, since all goes through muster: to the hosts it may reach, and to an agent's models."""
    match network:
        case "open":
            return NOT_HERE
        case "none":
            return None if agent else NO_NETWORK
        case "hosts":
            return None
        case _:
            assert_never(network)
