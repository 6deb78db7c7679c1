"""What a person reads and what a program reads: tables and records, or JSON. Messages go to stderr."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from muster.bootstrap.terminal import wants_plain_text

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

Record = Mapping[str, Any]
_READABLE: Final = 20
"""Characters a line that a flexible column is given before spare columns go."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_UNSAFE_TEXT: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
_CODES: Final = MappingProxyType({"bold": 1, "dim": 2, "red": 31, "green": 32, "yellow": 33, "cyan": 36})
_UNSAFE_LINE: Final = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")
_STYLES: Final = MappingProxyType(
    {
        "succeeded": "green",
        "online": "green",
        "active": "green",
        "failed": "red",
        "error": "red",
        "running": "cyan",
        "busy": "cyan",
        "cancelled": "dim",
        "archived": "dim",
        "blocked": "yellow",
        "backoff": "yellow",
        "paused": "yellow",
    }
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading and what of a record it shows."""

    heading: str
    value: str | Callable[[Record], object]
    right: bool = False
    flexible: bool = False
    """May be narrowed on a small terminal."""

    clipped: bool = False
    """When narrowed, it is cut to one line instead of being broken into several."""

    spare: bool = False
    """Left out of a terminal too narrow for all columns, the last one first."""

    def cell(self, record: Record) -> str:
        """The text shown for a record."""
        found = record.get(self.value) if isinstance(self.value, str) else self.value(record)
        return cell(found)


def cell(value: object) -> str:
    """A value as harmless text of one line."""
    match value:
        case None | "" | []:
            return "-"
        case dict() if not value:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6f}".rstrip("0").rstrip(".")
        case list() | tuple():
            return ", ".join(cell(item) for item in cast(Sequence[object], value))
        case dict():
            return _CONTROL.sub("\ufffd", json.dumps(value, ensure_ascii=False))
        case _:
            return _CONTROL.sub(" ", str(value))


def harmless(text: str) -> str:
    """A text of an agent without anything that moves the cursor, paints or turns the reading order around."""
    return _UNSAFE_TEXT.sub("\ufffd", text.replace("\r\n", "\n"))


def shortened(text: object, width: int) -> str:
    """At most `width` characters."""
    shown = cell(text)
    return shown if len(shown) <= width else shown[: width - 1] + "\u2026"


def money(value: object) -> str:
    """Dollars with as many places as they need, two at the least."""
    if not isinstance(value, (int, float)):
        return "-"
    text = f"{abs(value):.6f}".rstrip("0")
    whole, _, fraction = text.partition(".")
    return f"{'-' if value < 0 else ''}${whole}.{fraction.ljust(2, '0')}"


def since(moment: object) -> str:
    """How long ago an ISO time was (or until it is): `12s ago`, `3h ago`, `in 5m`."""
    if not isinstance(moment, str):
        return "-"
    try:
        seconds = time.time_ns() / 1e9 - datetime.fromisoformat(moment).timestamp()
    except ValueError:
        return cell(moment)
    return f"{duration(seconds)} ago" if seconds >= 0 else f"in {duration(-seconds)}"


def duration(seconds: float) -> str:
    """Seconds as `12s`, `3m`, `5h`, `2d`."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= 2 * size or (seconds >= size and unit != "d"):
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"


@dataclass(slots=True)
class Output:
    """Writes answers to stdout. `as_json` makes every answer a JSON document and keeps all else on stderr."""

    as_json: bool = False

    @property
    def rich(self) -> bool:
        """Whether a person looks at a terminal that shows colours."""
        return sys.stdout.isatty() and not wants_plain_text()

    def json(self, value: object) -> None:
        """One JSON document; on one line unless a person looks."""
        indent = 2 if sys.stdout.isatty() else None
        self.text(json.dumps(value, indent=indent, ensure_ascii=False, default=str))

    def text(self, line: str) -> None:
        """One line of an answer."""
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def styled(self, text: str, style: str = "") -> None:
        """Text of an agent made harmless, in a style (bold, dim, red, ...) when a person looks."""
        shown = harmless(text)
        code = _CODES.get(style)
        self.text(f"\x1b[{code}m{shown}\x1b[0m" if code and shown and self.rich else shown)

    def foreign(self, line: str) -> None:
        """A line that a task wrote: colours pass to a terminal, other control sequences do not."""
        self.text(_UNSAFE_LINE.sub("\ufffd", line) if sys.stdout.isatty() else line)

    def foreign_note(self, line: str) -> None:
        """A line that a task wrote to its stderr."""
        self.note(_UNSAFE_LINE.sub("\ufffd", line) if sys.stderr.isatty() else line)

    def note(self, message: str) -> None:
        """A message about what happened; never part of the answer."""
        sys.stderr.write(message + "\n")
        sys.stderr.flush()

    def done(self, message: str, answer: object) -> None:
        """What a command did: the message for people, the answer for programs."""
        if self.as_json:
            self.json(answer)
        else:
            self.text(message)

    def table(
        self, records: Sequence[Record], columns: Sequence[Column], *, empty: str, answer: object = None
    ) -> None:
        """Records as a table; `answer` is the JSON document if it is more than the list."""
        if self.as_json:
            self.json(list(records) if answer is None else answer)
        elif not records:
            self.note(empty)
        elif sys.stdout.isatty():
            self._rich_table(records, columns)
        else:
            for line in plain_table(records, columns):
                self.text(line)

    def record(self, record: Record, fields: Iterable[tuple[str, object]]) -> None:
        """One thing: names and values below each other, or the JSON of all of it."""
        if self.as_json:
            self.json(record)
            return
        shown = [(name, value) for name, value in fields if value not in (None, "", [], {}, "-")]
        width = max((len(name) for name, _ in shown), default=0)
        for name, value in shown:
            lines = str(value).splitlines() if isinstance(value, str) else [cell(value)]
            for number, line in enumerate(lines):
                self.text(f"{name if number == 0 else '':<{width}}  {_CONTROL.sub(' ', line)}".rstrip())

    def _rich_table(self, records: Sequence[Record], columns: Sequence[Column]) -> None:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        console = Console(color_system="auto" if self.rich else None)
        columns = fitting(records, columns, console.width)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            justify = "right" if column.right else "left"
            table.add_column(column.heading, justify=justify, overflow="fold", no_wrap=not column.flexible)
        for record in records:
            cells = [(column.cell(record), column.clipped) for column in columns]
            table.add_row(
                *(
                    Text(
                        text,
                        style=_STYLES.get(text, ""),
                        no_wrap=clipped,
                        overflow="ellipsis" if clipped else "fold",
                    )
                    for text, clipped in cells
                )
            )
        console.print(table)

    @contextmanager
    def progress(self, title: str, total: float | None) -> Generator[Bar]:
        """A bar on stderr while the block runs, if a person looks."""
        if not sys.stderr.isatty() or wants_plain_text():
            yield Bar()
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as drawn:
            yield Bar(drawn, drawn.add_task(title, total=total))


@dataclass(slots=True)
class Bar:
    """How far long work is; draws nothing when nobody looks."""

    _drawn: Progress | None = None
    _task: TaskID | None = None

    def advance(self, amount: float) -> None:
        """So much more is done."""
        if self._drawn is not None and self._task is not None:
            self._drawn.advance(self._task, amount)

    def show(self, done: float, total: float, what: str) -> None:
        """So much is done of so much, and what it is about now."""
        if self._drawn is not None and self._task is not None:
            self._drawn.update(self._task, completed=done, total=total, description=what)


def fitting(records: Sequence[Record], columns: Sequence[Column], width: int) -> list[Column]:
    """The columns that a terminal of `width` characters has room for: without some spare ones if it must be."""
    kept = list(columns)
    for column in reversed(columns):
        if sum(_least_width(records, other) + 2 for other in kept) - 2 <= width:
            break
        if column.spare:
            kept.remove(column)
    return kept


def _least_width(records: Sequence[Record], column: Column) -> int:
    whole = max([len(column.heading), *(len(column.cell(record)) for record in records)])
    return min(whole, _READABLE) if column.flexible else whole


def plain_table(records: Sequence[Record], columns: Sequence[Column]) -> list[str]:
    """Headings and rows, padded to columns two spaces apart."""
    rows = [[column.heading.upper() for column in columns]]
    rows += [[column.cell(record) for column in columns] for record in records]
    widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
    padded = (
        "  ".join(
            text.rjust(width) if column.right else text.ljust(width)
            for text, width, column in zip(row, widths, columns, strict=True)
        )
        for row in rows
    )
    return [line.rstrip() for line in padded]
