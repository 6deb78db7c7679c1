"""Contents and diffs of many changed files by a few git processes. The repository is the host's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muster.domain.changes import Change
from muster.vcs.changes import DIFF, diff_of
from muster.vcs.git import git

BATCH_BYTES: Final = 16 * 1024 * 1024
BATCH_FILES: Final = 200
"""Their names, two for one that was moved, are arguments of one command."""
_HEADER: Final = b"diff --git "


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One changed file with what git has of it; a side is None where there is none, or it is longer than was asked for."""

    change: Change
    before: bytes | None
    after: bytes | None
    diff: bytes


async def told_of(
    git_dir: Path, before: str, after: str, changes: Sequence[Change], longest: int
) -> AsyncIterator[Sequence[Told]]:
    """The changes in order, in batches that fit into memory; contents up to `longest` bytes."""
    sizes = await _sizes(git_dir, {name for change in changes for name in _sides(change)})
    for batch in _batches(changes, sizes):
        wanted = {
            name for change in batch for name in _sides(change) if sizes.get(name, longest + 1) <= longest
        }
        contents = await contents_of(git_dir, wanted)
        diffs = await _diffs(git_dir, before, after, batch)
        yield [
            Told(
                change=change,
                before=contents.get(change.before),
                after=contents.get(change.after),
                diff=diff,
            )
            for change, diff in zip(batch, diffs, strict=True)
        ]


async def contents_of(git_dir: Path, blobs: Iterable[str]) -> dict[str, bytes]:
    """Files' contents by their content addresses; what git has not, or is no file, is left out."""
    told = memoryview(await _asked(git_dir, "--batch", blobs))
    found: dict[str, bytes] = {}
    position = 0
    while position < len(told):
        end = position + bytes(told[position : position + 200]).index(b"\n")
        words = bytes(told[position:end]).decode().split(" ")
        position = end + 1
        if len(words) != 3:
            continue
        size = int(words[2])
        if words[1] == "blob":
            found[words[0]] = bytes(told[position : position + size])
        position += size + 1
    return found


async def _sizes(git_dir: Path, blobs: Iterable[str]) -> dict[str, int]:
    told = await _asked(git_dir, "--batch-check", blobs)
    lines = [line.split(" ") for line in told.decode().splitlines()]
    return {words[0]: int(words[2]) for words in lines if len(words) == 3 and words[1] == "blob"}


async def _asked(git_dir: Path, how: str, blobs: Iterable[str]) -> bytes:
    names = "".join(f"{name}\n" for name in blobs)
    return await git("cat-file", how, git_dir=git_dir, stdin=names.encode()) if names else b""


def _sides(change: Change) -> list[str]:
    return [name for name in (change.before, change.after) if name]


def _batches(changes: Sequence[Change], sizes: dict[str, int]) -> list[list[Change]]:
    batches: list[list[Change]] = []
    room = 0
    for change in changes:
        size = sum(sizes.get(name, 0) for name in _sides(change))
        if not batches or size > room or len(batches[-1]) == BATCH_FILES:
            batches.append([])
            room = BATCH_BYTES
        batches[-1].append(change)
        room -= size
    return batches


async def _diffs(git_dir: Path, before: str, after: str, batch: Sequence[Change]) -> list[bytes]:
    """One diff for each. Where git pairs the files of a batch in another way than it did among all, it is asked one by one."""
    if len(batch) == 1:
        return [await diff_of(git_dir, before, after, batch[0])]
    names = [name for change in batch for name in (change.old_path, change.path) if name]
    literal = [f":(literal){name}" for name in names]
    told = await git(*DIFF, "--raw", "--patch", "-z", before, after, "--", *literal, git_dir=git_dir)
    order, parts = _split(told)
    wanted = [(change.old_path or change.path, change.path) for change in batch]
    if order == wanted and len(parts) == len(wanted):
        return parts
    return [await diff_of(git_dir, before, after, change) for change in batch]


def _split(told: bytes) -> tuple[list[tuple[str, str]], list[bytes]]:
    """The names of `--raw -z`, and the patch behind it file by file. A file that became a link is two parts, of one name."""
    raw, _, patch = told.partition(b"\0" + _HEADER)
    fields = raw.split(b"\0")
    order: list[tuple[str, str]] = []
    position = 0
    while position < len(fields) and fields[position].startswith(b":"):
        two = fields[position].rpartition(b" ")[2][:1] in (b"R", b"C")
        names = [name.decode("utf-8", "replace") for name in fields[position + 1 : position + 3]]
        order.append((names[0], names[1] if two else names[0]))
        position += 3 if two else 2
    parts: list[bytes] = []
    last = b""
    for part in patch.split(b"\n" + _HEADER) if patch else ():
        title = part.partition(b"\n")[0]
        text = _HEADER + part.removesuffix(b"\n") + b"\n"
        if title == last:
            parts[-1] += text
        else:
            parts.append(text)
        last = title
    return order, parts
