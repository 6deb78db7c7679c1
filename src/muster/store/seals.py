"""The chain of hashes over the log: blocks of events, each sealed by a hash that covers the one before.

A block's hash is the SHA-256 of one JSON line with the seal's own columns and one JSON line for
each event with all of its columns, each line ended by a newline. Whoever wants to check the
chain without muster can do so from a plain export of the two tables.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from muster.domain.errors import StoreUnavailable
from muster.store import tables
from muster.store.scope import EVENT_COLUMNS
from muster.store.statements import Row, Statement, insert

GENESIS: Final = "0" * 64
NEWEST: Final = "newest_seal"
"""Name of the row in `installation` that repeats the newest seal's block and hash."""

SEAL_COLUMNS: Final = ("block", "first_seq", "last_seq", "previous", "checks", "sealed_at", "hash")
LAST_SEAL: Final = Statement(f"SELECT {', '.join(SEAL_COLUMNS)} FROM seals ORDER BY block DESC LIMIT 1")
EVENTS_AFTER: Final = Statement(
    f"SELECT {', '.join(EVENT_COLUMNS)} FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2"
)
NEW_SEAL: Final = insert(tables.seals, list(SEAL_COLUMNS))
NOTE_NEWEST: Final = insert(
    tables.settings_rows, ["name", "value"], suffix="ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)

_ENCODER: Final = msgspec.json.Encoder()


class LogDamaged(StoreUnavailable):
    """The log is damaged: {problem}. Run 'muster verify' to see everything that is wrong."""

    code = "log_damaged"


@dataclass(frozen=True, slots=True)
class Seal:
    """A sealed block. `checks` is the base-64 text of one 32-bit checksum an event; `sealed_at` in microseconds."""

    block: int
    first_seq: int
    last_seq: int
    previous: str
    checks: str
    sealed_at: int
    hash: str

    @property
    def row(self) -> Row:
        """The seal in the order of SEAL_COLUMNS."""
        return (
            self.block,
            self.first_seq,
            self.last_seq,
            self.previous,
            self.checks,
            self.sealed_at,
            self.hash,
        )

    @property
    def note(self) -> str:
        """What `installation` keeps of the newest seal."""
        return f"{self.block}:{self.hash}"


@dataclass(slots=True)
class BlockDigest:
    """Takes up the events of a block one by one; its checksums go into the seal's head, so the lines wait."""

    lines: list[bytes] = field(default_factory=list[bytes])
    sums: bytearray = field(default_factory=bytearray)

    def add(self, row: Row) -> None:
        """The next event, as a row in the order of EVENT_COLUMNS."""
        line = _ENCODER.encode(tuple(row))
        self.lines.append(line)
        self.sums += zlib.crc32(line).to_bytes(4)

    @property
    def checks(self) -> str:
        """The checksums as the seal keeps them."""
        return base64.b64encode(self.sums).decode()

    def hash(self, block: int, first_seq: int, last_seq: int, previous: str, checks: str, at: int) -> str:
        """The block's hash under a seal with these columns."""
        head = _ENCODER.encode((block, first_seq, last_seq, previous, checks, at))
        digest = hashlib.sha256(head)
        digest.update(b"\n")
        if self.lines:
            digest.update(b"\n".join(self.lines))
            digest.update(b"\n")
        return digest.hexdigest()

    def differing(self, checks: str, first_seq: int) -> list[int]:
        """Positions whose event is not the one that was sealed; [] when the checksums tell no difference."""
        try:
            sealed = base64.b64decode(checks, validate=True)
        except ValueError:
            return []
        sums = bytes(self.sums)
        if len(sealed) != len(sums):
            return []
        return [
            first_seq + at // 4 for at in range(0, len(sealed), 4) if sealed[at : at + 4] != sums[at : at + 4]
        ]


def next_seal(last: Seal | None, events: Sequence[Row], at: int) -> Seal:
    """The seal of the events that follow the last one; LogDamaged when they leave a gap."""
    expected = 1 if last is None else last.last_seq + 1
    digest = BlockDigest()
    for seq, row in enumerate(events, expected):
        if row[0] != seq:
            raise LogDamaged(problem=f"event {seq} is missing, the next one is {row[0]}")
        digest.add(row)
    block = 1 if last is None else last.block + 1
    previous = GENESIS if last is None else last.hash
    last_seq = expected + len(events) - 1
    checks = digest.checks
    sealed = digest.hash(block, expected, last_seq, previous, checks, at)
    return Seal(block, expected, last_seq, previous, checks, at, sealed)


@dataclass(slots=True)
class ChainCheck:
    """Recomputes the chain over events and seals given in order, and reports what is wrong.

    Feed every event with `event` and, before the first event behind a seal's block, that seal with
    `expect`; `finish` ends it. Memory: one block.
    """

    report: Callable[[str], None]
    head: int = 0
    events: int = 0
    blocks: int = 0
    sealed: int = 0
    last: Seal | None = None
    _open: Seal | None = None
    _digest: BlockDigest = field(default_factory=BlockDigest)

    def expect(self, seal: Seal) -> None:
        """The next seal; its events follow."""
        self._close()
        last = self.last
        block = 1 if last is None else last.block + 1
        first = 1 if last is None else last.last_seq + 1
        if seal.block != block:
            self.report(_missing("seal", block, seal.block - 1))
        elif seal.previous != (GENESIS if last is None else last.hash):
            self.report(f"seal {seal.block} does not continue the chain of the seals before it")
        if seal.block == block and seal.first_seq != first:
            self.report(f"seal {seal.block} begins at event {seal.first_seq} instead of {first}")
        if seal.last_seq < seal.first_seq:
            self.report(f"seal {seal.block} covers no event")
        self._open = seal
        self.last = seal

    @property
    def wants_seal(self) -> bool:
        """Whether the events of the last seal are through and the next seal is due."""
        return self._open is None or self.head >= self._open.last_seq

    def event(self, row: Row) -> None:
        """The next event."""
        seq: int = row[0]
        if seq != self.head + 1:
            self.report(_missing("event", self.head + 1, seq - 1))
        if self._open is not None and seq > self._open.last_seq:
            self._close()
        self.head = seq
        self.events += 1
        if self._open is not None and seq >= self._open.first_seq:
            self._digest.add(row)

    def finish(self, noted: str | None) -> None:
        """No more events. `noted` is what `installation` says of the newest seal."""
        if self._open is not None and self.head < self._open.last_seq:
            self.report(_missing("event", self.head + 1, self._open.last_seq))
        self._close()
        if noted is not None and (self.last is None or noted != self.last.note):
            found = "there is no seal" if self.last is None else f"the newest seal is {self.last.block}"
            self.report(f"seal {noted.partition(':')[0]} was the newest once; {found} or it was changed")

    def _close(self) -> None:
        seal, self._open = self._open, None
        digest, self._digest = self._digest, BlockDigest()
        if seal is None:
            return
        self.sealed = seal.last_seq
        self.blocks += 1
        columns = (seal.block, seal.first_seq, seal.last_seq, seal.previous, seal.checks, seal.sealed_at)
        if digest.hash(*columns) == seal.hash:
            return
        if len(digest.lines) != seal.last_seq - seal.first_seq + 1:
            return
        changed = digest.differing(seal.checks, seal.first_seq)
        if changed:
            for seq in changed:
                self.report(f"event {seq} is not the one that was sealed (block {seal.block})")
        else:
            self.report(
                f"seal {seal.block} of events {seal.first_seq} to {seal.last_seq} was changed, or one of these events was"
            )


def _missing(noun: str, first: int, last: int) -> str:
    if first > last:
        return f"{noun} {first} follows out of order"
    if first == last:
        return f"{noun} {first} is missing"
    return f"{noun}s {first} to {last} are missing"
