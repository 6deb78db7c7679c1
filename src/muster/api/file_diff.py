"""The unified diff of a file that an attempt changed."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Sequence
from typing import Final

from muster.projections.file_changes import FileRow
from muster.store.blobs import BlobStore

_COMPARED: Final = 10_000
"""Lines beyond which nobody looks for what two contents have in common: it takes too long."""


async def diff_of(blobs: BlobStore, row: FileRow) -> bytes:
    """Git's own when it was kept, else made of what was there before and after. Empty for a binary file."""
    if row.diff_blob is not None:
        return await blobs.get(row.diff_blob)
    if row.binary:
        return b""
    before = b"" if row.before_blob is None else await blobs.get(row.before_blob)
    after = b"" if row.after_blob is None else await blobs.get(row.after_blob)
    return await asyncio.to_thread(unified, row, before, after)


def unified(row: FileRow, before: bytes, after: bytes) -> bytes:
    """The unified diff of two contents; of long ones everything is taken away and put there anew."""
    old = f"a/{row.old_path or row.path}" if row.change != "created" else "/dev/null"
    new = f"b/{row.path}" if row.change != "deleted" else "/dev/null"
    texts = [content.decode("utf-8", "replace") for content in (before, after)]
    return compared([old, new], texts).encode()


def compared(titles: Sequence[str], texts: Sequence[str], context: int = 3) -> str:
    """The unified diff of two texts with so many unchanged lines around what changed; empty when they are the same."""
    (old, new), (was, now) = titles, [_lines(text) for text in texts]
    if max(len(was), len(now)) > _COMPARED and was != now:
        head = [f"--- {old}\n", f"+++ {new}\n", f"@@ -1,{len(was)} +1,{len(now)} @@\n"]
        made = [*head, *(f"-{line}" for line in was), *(f"+{line}" for line in now)]
    else:
        made = list(difflib.unified_diff(was, now, old, new, n=context))
    whole = (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in made)
    return "".join(whole)


def _lines(text: str) -> list[str]:
    *lines, last = text.split("\n")
    return [*(f"{line}\n" for line in lines), *([last] if last else [])]
