"""Which blobs the rows refer to, and the end of those that none refers to any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import islice
from typing import Any, Final

from muster.store.blobs import BlobStore
from muster.store.database import Store
from muster.store.statements import Row, Statement

Rows = Callable[..., Awaitable[list[Row]]]
_PAGE: Final = 5_000
_CANDIDATES: Final = 100_000
_CALLS: Final = Statement(
    "SELECT id, request_blob, answer_blob FROM model_calls WHERE id > ?1 ORDER BY id LIMIT ?2"
)
_FILES: Final = Statement(
    "SELECT attempt_id, path, before_blob, after_blob, diff_blob FROM file_changes "
    "WHERE (attempt_id, path) > (?1, ?2) ORDER BY attempt_id, path LIMIT ?3"
)


async def referenced(rows: Rows) -> AsyncIterator[set[str]]:
    """The blobs that rows refer to, some at a time; one may come again. `rows` runs a statement."""
    for statement, keys, key in ((_CALLS, 1, (-1,)), (_FILES, 2, (-1, ""))):
        after: tuple[Any, ...] = key
        while page := await rows(statement, *after, _PAGE):
            yield {blob for row in page for blob in row[keys:] if blob is not None}
            after = page[-1][:keys]


async def collect_blobs(store: Store, blobs: BlobStore, older_than: float) -> int:
    """Remove blobs that no row refers to and that nobody touched since a time in seconds since the epoch; how many."""
    names = blobs.names(older_than)
    removed = 0
    while candidates := await asyncio.to_thread(lambda: set(islice(names, _CANDIDATES))):
        async for found in referenced(store.long_rows):
            candidates -= found
        removed += await asyncio.to_thread(_remove, blobs, candidates, older_than)
    return removed


def _remove(blobs: BlobStore, names: set[str], older_than: float) -> int:
    return sum(1 for name in names if blobs.remove(name, older_than))
