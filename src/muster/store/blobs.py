"""Contents too large for rows, kept as files named by the SHA-256 of what is in them.

A blob is written once and never changed: under a name of its own first, on the disk before it gets its
name. What nothing refers to any more is collected after a while.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from muster.domain.errors import InvalidInput, NotFound, StoreUnavailable
from muster.store.backup_file import explained, sync_folder

_LEVEL: Final = 1
_NAME: Final = re.compile(r"[0-9a-f]{64}\Z")


class BlobDamaged(StoreUnavailable):
    """The content {digest} on this server's disk is damaged ({problem}). A backup that holds it has it as blobs/{digest}."""

    code = "blob_damaged"


def digest_of(content: bytes) -> str:
    """The name of a content."""
    return hashlib.sha256(content).hexdigest()


def is_digest(text: str) -> bool:
    """Whether this can be the name of a content."""
    return _NAME.match(text) is not None


class BlobStore:
    """The blobs in one folder, which is made when the first one comes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()

    def path_of(self, digest: str) -> Path:
        """Where a blob is or would be."""
        return self.folder / digest[:2] / digest[2:4] / digest

    async def put(self, digest: str, content: bytes) -> bool:
        """Keep a content; False when it was there already. InvalidInput when `digest` is not its name."""
        return await asyncio.to_thread(self.write, digest, content)

    async def get(self, digest: str) -> bytes:
        """A content, checked against its name. NotFound, BlobDamaged."""
        return await asyncio.to_thread(self.read, digest)

    def write(self, digest: str, content: bytes) -> bool:
        """Like `put`, in this thread."""
        if digest_of(content) != digest:
            raise InvalidInput(field="sha256", problem="is not the SHA-256 of the body")
        path = self.path_of(digest)
        with explained(path), self._lock:
            if path.exists():
                # Young again: whoever is about to refer to it has the time to.
                os.utime(path)
                return False
            self._make_folders(path.parent)
            partial = path.with_name(f".{digest[:16]}.{secrets.token_hex(4)}")
            try:
                _write_whole(partial, zlib.compress(content, _LEVEL))
                partial.rename(path)
            finally:
                partial.unlink(missing_ok=True)
            sync_folder(path.parent)
        return True

    def _make_folders(self, folder: Path) -> None:
        if folder.exists():
            return
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        for one in reversed(missing):
            one.mkdir(mode=0o700, exist_ok=True)
            sync_folder(one.parent)

    def read(self, digest: str) -> bytes:
        """Like `get`, in this thread."""
        if not is_digest(digest):
            raise NotFound(noun="content", id=digest[:100])
        path = self.path_of(digest)
        try:
            with explained(path):
                content = zlib.decompress(path.read_bytes()) if path.exists() else None
        except zlib.error as error:
            raise BlobDamaged(digest=digest, problem=str(error)) from error
        if content is None:
            raise NotFound(noun="content", id=digest)
        if digest_of(content) != digest:
            raise BlobDamaged(digest=digest, problem="it is another content")
        return content

    def names(self, older_than: float | None = None) -> Iterator[str]:
        """All blobs there are, or those not touched since a time in seconds since the epoch."""
        if not self.folder.exists():
            return
        for path in sorted(self.folder.glob("??/??/*")):
            if is_digest(path.name) and (older_than is None or path.stat().st_mtime < older_than):
                yield path.name

    def remove(self, digest: str, older_than: float) -> bool:
        """Remove a blob unless it was touched since; whether it was there and is gone."""
        path = self.path_of(digest)
        with self._lock:
            if not path.exists() or path.stat().st_mtime >= older_than:
                return False
            path.unlink()
        return True


def _write_whole(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
