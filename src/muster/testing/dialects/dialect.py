"""What a dialect must provide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from muster.domain.usage import TokenUsage
from muster.testing.conversation import Answer, Asked, Event, Json
from muster.testing.scenarios import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDialect:
    """One provider's API. `failure` gives the status and the body of an error; `counted` how the API counts tokens."""

    name: str
    read: Callable[[Json, str, bool], Asked]
    """Body, the model named in the path, whether the path asks for a stream."""
    whole: Callable[[Answer], Json]
    events: Callable[[Answer], Iterator[Event]]
    failure: Callable[[Failure], tuple[int, Json]]
    named_events: bool = False
    """Whether the events of a stream carry their name."""
    counts_cache_writes: bool = False


def without_cache_writes(usage: TokenUsage) -> TokenUsage:
    """As it is counted where writing to the cache is not told apart."""
    return TokenUsage(
        input=usage.input + usage.cache_write,
        output=usage.output,
        cache_read=usage.cache_read,
        reasoning=usage.reasoning,
    )
