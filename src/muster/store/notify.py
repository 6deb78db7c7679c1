"""Who is told after a commit: parked claimers, timers, live streams, workers with a lease.

All of it lives in memory and may be lost without harm: whoever waits looks at the database again
when woken, and after a fallback interval even when not.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from muster.domain.admission import ClaimFilter, LaneFacts


@dataclass(slots=True, eq=False)
class Parked:
    """A claimer that waits for work."""

    wants: ClaimFilter
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class Signals:
    """Wakes exactly those who have something to look at."""

    def __init__(self) -> None:
        self._parked: dict[Parked, None] = {}
        self._lanes: dict[int, LaneFacts] = {}
        self._topics: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    @property
    def parked(self) -> int:
        """How many claimers wait."""
        return len(self._parked)

    def park(self, wants: ClaimFilter) -> Parked:
        """Wait for tasks that `wants` accepts; call `leave` afterwards in any case."""
        parked = Parked(wants)
        self._parked[parked] = None
        return parked

    def leave(self, parked: Parked) -> bool:
        """Stop waiting. False when it has been woken: then the wake is the caller's to use or to pass on."""
        waited = parked in self._parked
        self._parked.pop(parked, None)
        return waited

    def lane_changed(self, lane: LaneFacts) -> None:
        """Remember what a lane is, so that wakes can be aimed."""
        self._lanes[lane.lane_id] = lane

    def forget_lanes(self) -> None:
        """Queues or projects changed: what is remembered of lanes may be wrong."""
        self._lanes.clear()

    def unknown_lanes(self, lanes: Iterable[int]) -> list[int]:
        """Those lanes of which nothing is remembered."""
        return [lane for lane in lanes if lane not in self._lanes]

    def readied(self, counts: dict[int, int]) -> None:
        """So many tasks became ready in these lanes: wake as many claimers that can take them, the longest waiting first."""
        for lane_id, count in counts.items():
            lane = self._lanes.get(lane_id)
            self._wake((lambda wants, lane=lane: wants.accepts(lane)) if lane else None, count)

    def admission_changed(self) -> None:
        """Something was let go (a pause, a limit, a budget): everybody who waits looks again."""
        self._wake(None, len(self._parked))

    def limits_freed(self, count: int) -> None:
        """So many attempts ended: claimers that a limit or a budget may have held back look again."""
        limited = [lane for lane in self._lanes.values() if lane.limited]
        if limited and self._parked:
            self._wake(lambda wants: any(wants.accepts(lane) for lane in limited), count)

    def _wake(self, suits: Callable[[ClaimFilter], bool] | None, count: int) -> None:
        woken: list[Parked] = []
        for parked in self._parked:
            if count <= 0:
                break
            if suits is None or suits(parked.wants):
                woken.append(parked)
                count -= 1
        for parked in woken:
            del self._parked[parked]
            parked.woken.set()

    def watch(self, topic: str, event: asyncio.Event | None = None) -> asyncio.Event:
        """An event (the given one, to watch several topics) that is set whenever the topic is published; give
        it back with `unwatch`."""
        event = event or asyncio.Event()
        self._topics[topic].add(event)
        return event

    def unwatch(self, topic: str, event: asyncio.Event) -> None:
        """Stop watching."""
        watchers = self._topics.get(topic)
        if watchers is not None:
            watchers.discard(event)
            if not watchers:
                del self._topics[topic]

    def publish(self, topic: str) -> None:
        """Tell the watchers of a topic."""
        for event in self._topics.get(topic, ()):
            event.set()
