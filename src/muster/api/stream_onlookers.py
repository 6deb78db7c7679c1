"""Who has a request or a task open right now, told to the others who look at it. Nothing of it is kept or logged."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import islice
from typing import Final

from muster.api.stream_frames import message_frame
from muster.domain import ids
from muster.domain.checks import check_name
from muster.domain.errors import InvalidInput, NotFound
from muster.store.database import Store
from muster.store.statements import Statement

MAX_ITEMS: Final = 8
"""Items that one socket looks at."""
MAX_NAMES: Final = 8
"""Names that are told of one item; further ones are counted."""
_FOUND: Final = {
    ids.APPROVAL: Statement("SELECT id FROM approvals WHERE id IN_INTS(?1)"),
    ids.TASK: Statement("SELECT id FROM tasks WHERE id IN_INTS(?1)"),
}
_NOBODY: Final[tuple[list[str], int]] = ([], 0)


class Crowd:
    """Who looks at one item: people by name, and others by what tells them apart, with how many sockets each has."""

    def __init__(self) -> None:
        self._named: dict[Hashable, int] = {}
        self._others: dict[Hashable, int] = {}
        self.gazes: dict[Gaze, None] = {}
        """Sockets that are told of it, those of absent people among them."""

    def come(self, gaze: Gaze) -> None:
        """One more socket of somebody."""
        people = self._named if gaze.name else self._others
        people[gaze.who] = people.get(gaze.who, 0) + 1

    def go(self, gaze: Gaze) -> None:
        """One socket of somebody less."""
        people = self._named if gaze.name else self._others
        people[gaze.who] -= 1
        if not people[gaze.who]:
            del people[gaze.who]

    def beside(self, gaze: Gaze) -> tuple[list[str], int]:
        """Names of others in the order in which they came, and how many there are besides."""
        names = list(islice((str(who) for who in self._named if who != gaze.who), MAX_NAMES))
        itself = gaze.who in (self._named if gaze.name else self._others)
        return names, len(self._named) + len(self._others) - itself - len(names)


class Onlookers:
    """Everybody who looks at something over a socket of this server."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._crowds: dict[str, Crowd] = {}

    async def check(self, items: Sequence[str]) -> None:
        """Whether these can be looked at: InvalidInput for too many or other nouns, NotFound."""
        if len(items) > MAX_ITEMS:
            raise InvalidInput(field="items", problem=f"must be at most {MAX_ITEMS}")
        wanted: dict[str, dict[int, str]] = {}
        for item in items:
            prefix = item.partition("_")[0]
            if prefix not in _FOUND:
                raise InvalidInput(field="items", problem="must be ids of requests or tasks")
            wanted.setdefault(prefix, {})[ids.decode(prefix, item)] = item
        for prefix, numbers in wanted.items():
            found = {row[0] for row in await self._store.rows(_FOUND[prefix], sorted(numbers))}
            for number, item in numbers.items():
                if number not in found:
                    raise NotFound(noun=ids.NOUNS[prefix], id=item)

    def crowd(self, item: str) -> Crowd:
        """Who looks at an item."""
        return self._crowds.get(item) or Crowd()

    def watch(self, gaze: Gaze, item: str) -> None:
        """Have a socket told of an item."""
        self._crowds.setdefault(item, Crowd()).gazes[gaze] = None

    def unwatch(self, gaze: Gaze, item: str) -> None:
        """Tell it no more."""
        crowd = self._crowds[item]
        del crowd.gazes[gaze]
        if not crowd.gazes:
            del self._crowds[item]

    def come(self, gaze: Gaze, item: str) -> None:
        """Somebody looks at an item."""
        self._crowds[item].come(gaze)
        self._tell(gaze, item)

    def go(self, gaze: Gaze, item: str) -> None:
        """Somebody does no more."""
        self._crowds[item].go(gaze)
        self._tell(gaze, item)

    def _tell(self, mover: Gaze, item: str) -> None:
        for gaze in self._crowds[item].gazes:
            if gaze is not mover:
                gaze.changed(item)


class Gaze:
    """What one socket looks at, and what it was told of the others there. `who` tells people apart: by the name they
    give, else by the browser, else each socket is somebody."""

    def __init__(self, onlookers: Onlookers, nudge: Callable[[], None]) -> None:
        self._onlookers = onlookers
        self._nudge = nudge
        self._told: dict[str, tuple[list[str], int]] = {}
        self._due: set[str] = set()
        self._absent = False
        self.name = ""
        self.who: Hashable = self

    @property
    def items(self) -> list[str]:
        """What it looks at."""
        return list(self._told)

    async def look(self, items: Sequence[str], by: str, browser: str) -> None:
        """Look at these and nothing else; at nothing when one of them cannot be looked at."""
        try:
            if by:
                check_name("by", by)
            if browser:
                check_name("browser", browser)
            await self._onlookers.check(items)
        except (InvalidInput, NotFound):
            self.close()
            raise
        who = by or (f"browser {browser}" if browser else self)
        if (by, who) != (self.name, self.who):
            self.close()
            self.name, self.who = by, who
        for item in self._told.keys() - set(items):
            self._leave(item)
        for item in items:
            if item not in self._told:
                self._enter(item)

    def heard(self, lately: bool) -> None:
        """Whether its client was heard of lately: one whose connection broke unsaid is not there for others."""
        if lately is not self._absent:
            return
        self._absent = not lately
        for item in self._told:
            if lately:
                self._onlookers.come(self, item)
            else:
                self._onlookers.go(self, item)

    def changed(self, item: str) -> None:
        """Others came to an item or left it."""
        self._due.add(item)
        self._nudge()

    def frames(self) -> bytes:
        """Messages about items where others are than was told."""
        written: list[bytes] = []
        for item in self._due:
            names, more = now = self._onlookers.crowd(item).beside(self)
            if now != self._told[item]:
                written.append(message_frame("onlookers", item=item, names=names, more=more))
        return b"".join(written)

    def sent(self) -> None:
        """What `frames` gave was written."""
        for item in self._due:
            self._told[item] = self._onlookers.crowd(item).beside(self)
        self._due.clear()

    def close(self) -> None:
        """Look at nothing."""
        for item in self.items:
            self._leave(item)

    def _enter(self, item: str) -> None:
        self._told[item] = _NOBODY
        self._onlookers.watch(self, item)
        if not self._absent:
            self._onlookers.come(self, item)
        self._due.add(item)

    def _leave(self, item: str) -> None:
        del self._told[item]
        self._due.discard(item)
        if not self._absent:
            self._onlookers.go(self, item)
        self._onlookers.unwatch(self, item)
