"""What a process learns from a commit besides its rows: whom to wake, who was heard of, when to look again."""

from __future__ import annotations

from collections.abc import Mapping

from muster.store.notify import Signals
from muster.store.unit_of_work import Journal


class Announcer:
    """Turns the journals of committed transactions into signals."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._seen: dict[str, int] = {}
        self._wake_at: int | None = None

    def take_seen(self) -> Mapping[str, int]:
        """Agents heard of since the last call, with the time."""
        seen, self._seen = self._seen, {}
        return seen

    def next_wake(self) -> int | None:
        """The earliest time a commit asked the timers to look again; forgotten once asked."""
        at, self._wake_at = self._wake_at, None
        return at

    def announce(self, journal: Journal, now: int) -> None:
        """Tell everybody whom a commit concerns. The lanes it readied should be known to the signals by now."""
        for agent in journal.seen:
            self._seen[agent] = now
        if journal.wake_at is not None and (self._wake_at is None or journal.wake_at < self._wake_at):
            self._wake_at = journal.wake_at
            self._signals.publish("timers")
        if journal.readied:
            self._signals.readied(journal.readied)
        for attempt in journal.ended:
            self._signals.publish(f"attempt:{attempt}")
        for attempt in journal.output:
            self._signals.publish(f"output:{attempt}")
        for topic in journal.topics:
            self._publish(topic, len(journal.ended))

    def _publish(self, topic: str, ended: int) -> None:
        if topic == "admission":
            self._signals.forget_lanes()
            self._signals.admission_changed()
        elif topic == "limits":
            self._signals.limits_freed(ended)
        else:
            self._signals.publish(topic)
