"""All that an attempt left, as one zip archive, made while it is sent: one file at a time is in memory."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from time import gmtime
from typing import IO, Any, Final, cast

from muster.api.file_diff import diff_of
from muster.domain import bundle as rules
from muster.domain import ids
from muster.domain.errors import NotFound, StoreUnavailable
from muster.domain.masking import masked, settled
from muster.domain.times import iso
from muster.domain.transcript_files import LOG_FILES
from muster.domain.transcript_flow import Stored
from muster.projections.attempts import AttemptRow, output_of
from muster.projections.file_changes import FileRow, files_of
from muster.projections.tasks import TaskDetail
from muster.projections.transcripts import whole_transcript
from muster.store.blobs import BlobStore
from muster.store.database import Store

SECRET: Final = "its name says that it holds secrets"
_LINES_AT_ONCE: Final = 5_000
_MODE: Final = 0o644 << 16


class _Sink:
    """Where the archive is written to, until what is there is taken away."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Called by the archive, which cannot seek here."""
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        """What was written since."""
        taken, self._parts = b"".join(self._parts), []
        return taken


class _Archive:
    """A zip archive below one folder, in pieces."""

    def __init__(self, folder: str, at_us: int) -> None:
        self._sink = _Sink()
        sink = cast(IO[bytes], self._sink)
        self._zip = zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False)
        self._folder = folder
        self._date = tuple(gmtime(at_us // 1_000_000)[:6])

    def info(self, name: str) -> zipfile.ZipInfo:
        """A member, as an ordinary file."""
        info = zipfile.ZipInfo(f"{self._folder}/{name}", self._date)  # pyright: ignore[reportArgumentType]
        info.external_attr, info.compress_type = _MODE, zipfile.ZIP_DEFLATED
        return info

    def add(self, name: str, content: bytes) -> bytes:
        """Put a whole member in; the piece of the archive that came of it."""
        self._zip.writestr(self.info(name), content)
        return self._sink.take()

    def open(self, name: str) -> Any:
        """A member that is written piece by piece."""
        return self._zip.open(self.info(name), "w", force_zip64=True)

    def taken(self) -> bytes:
        """What came of the pieces written so far."""
        return self._sink.take()

    def finish(self) -> bytes:
        """The last piece."""
        self._zip.close()
        return self._sink.take()


@dataclass(slots=True)
class _Told:
    """What the manifest says of the members."""

    files: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    masked: dict[str, int] = field(default_factory=dict[str, int])
    left_out: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    def clean(self, name: str, content: bytes) -> bytes:
        """A text without what looks like a key; anything else as it is."""
        try:
            text, found = masked(content.decode())
        except UnicodeDecodeError:
            return content
        if found:
            self.masked[name] = self.masked.get(name, 0) + found
        return text.encode()


@dataclass(slots=True)
class _Bundle:
    store: Store
    blobs: BlobStore
    archive: _Archive
    attempt: AttemptRow
    told: _Told = field(default_factory=_Told)

    async def log_files(self) -> AsyncIterator[bytes]:
        """The four files made of the transcript; none where it was no agent."""
        entries = await whole_transcript(self.store, self.attempt.id)
        for name in LOG_FILES if self.attempt.run is not None else ():
            yield await asyncio.to_thread(self._log_file, name, entries)

    async def output(self) -> AsyncIterator[bytes]:
        """What was printed, some lines at a time."""
        after, held = 0, ""
        with self.archive.open("output.txt") as member:
            while after < rules.MOST_LINES:
                page = await output_of(self.store, self.attempt.id, after=after, limit=_LINES_AT_ONCE)
                text = held + "".join(f"{line.text}\n" for line in page.lines)
                cut = settled(text) if page.lines else len(text)
                text, held = text[:cut], text[cut:]
                await asyncio.to_thread(
                    member.write, self.told.clean("output.txt", text.encode("utf-8", "replace"))
                )
                yield self.archive.taken()
                if not page.lines:
                    break
                after = page.next
        if after >= rules.MOST_LINES:
            self._leave_out("output.txt", f"lines after the first {rules.MOST_LINES:,}")

    async def diff(self, files: list[FileRow]) -> AsyncIterator[bytes]:
        """One patch of all that changed."""
        with self.archive.open("diff.patch") as member:
            for row in files:
                if not rules.holds_secrets(row.path):
                    content = self.told.clean("diff.patch", await self._diff(row))
                    await asyncio.to_thread(member.write, content)
                    yield self.archive.taken()

    async def contents(self, files: list[FileRow]) -> AsyncIterator[bytes]:
        """The changed files as they are after the attempt, as far as they are kept and not too much."""
        names, left = rules.Names(), rules.MOST_BYTES
        for number, row in enumerate(files):
            name = f"files/{names.of(row.path)}"
            told = {"path": row.path, "change": row.change, "outside": row.outside}
            content = None
            if (why := self._why_not(row, number, left)) is None:
                content = await self._content(row)
                why = (
                    "its content is not there any more"
                    if content is None
                    else "too much together"
                    if len(content) > left
                    else None
                )
            if content is None or why is not None:
                self.told.files.append(told)
                if row.change != "deleted":
                    self._leave_out(row.path, why or "")
                continue
            left -= len(content)
            self.told.files.append({**told, "name": name})
            yield await asyncio.to_thread(self._add, name, content)

    def manifest(self, detail: TaskDetail) -> bytes:
        """What this is, and what is not in it."""
        attempt = self.attempt
        document = {
            "task_id": ids.encode(ids.TASK, attempt.task_id),
            "title": detail.row.title,
            "attempt": attempt.number,
            "attempt_id": ids.encode(ids.ATTEMPT, attempt.id),
            "state": attempt.state,
            "agent": attempt.run.agent if attempt.run else None,
            "model": attempt.run.model if attempt.run else None,
            "branch": attempt.run.branch if attempt.run else None,
            "head_commit": attempt.run.head_commit if attempt.run else None,
            "claimed_at": iso(attempt.claimed_at),
            "finished_at": None if attempt.finished_at is None else iso(attempt.finished_at),
            "files": self.told.files,
            "masked": self.told.masked,
            "left_out": self.told.left_out,
        }
        text, _ = masked(json.dumps(document, ensure_ascii=False, indent=2))
        return self.archive.add("manifest.json", f"{text}\n".encode("utf-8", "replace"))

    def _log_file(self, name: str, entries: list[Stored]) -> bytes:
        return self._add(name, "".join(LOG_FILES[name][1](entries)).encode("utf-8", "replace"))

    def _why_not(self, row: FileRow, number: int, left: int) -> str | None:
        if row.after_blob is None:
            return "its content was not kept"
        if rules.holds_secrets(row.path):
            return SECRET
        return (
            f"more than {rules.MOST_FILES:,} files"
            if number >= rules.MOST_FILES
            else "too much together"
            if left <= 0
            else None
        )

    async def _diff(self, row: FileRow) -> bytes:
        try:
            return await diff_of(self.blobs, row)
        except (NotFound, StoreUnavailable) as error:
            self._leave_out(f"diff.patch: {row.path}", error.message)
            return b""

    async def _content(self, row: FileRow) -> bytes | None:
        try:
            return await self.blobs.get(row.after_blob or "")
        except (NotFound, StoreUnavailable):
            return None

    def _add(self, name: str, content: bytes) -> bytes:
        return self.archive.add(name, self.told.clean(name, content))

    def _leave_out(self, name: str, why: str) -> None:
        self.told.left_out.append({"name": name, "why": why})


async def bundle_of(
    store: Store, blobs: BlobStore, name: str, detail: TaskDetail, attempt: AttemptRow
) -> AsyncIterator[bytes]:
    """The archive in pieces; everything in it is in a folder called `name`."""
    archive = _Archive(name, attempt.finished_at or attempt.claimed_at)
    bundle = _Bundle(store, blobs, archive, attempt)
    files = await files_of(store, attempt.id)
    for parts in (bundle.log_files(), bundle.output(), bundle.diff(files), bundle.contents(files)):
        async for piece in parts:
            yield piece
    yield bundle.manifest(detail)
    yield archive.finish()
