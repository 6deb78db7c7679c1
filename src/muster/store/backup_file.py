"""The file a backup is: a ZIP with `tables/<name>.jsonl` (one JSON array a row) and `manifest.json`.

The same for both databases, and readable without muster. A row's digest does not depend on the order
of the rows, which differs between databases: the SHA-256 of each row, added up modulo 2**256.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from muster.domain.errors import AlreadyExists, Category, DataFolderUnusable, DiskFull, MusterError
from muster.store.statements import Row

FORMAT: Final = "muster-backup"
FORMAT_VERSION: Final = 1
MANIFEST: Final = "manifest.json"
_READ_BYTES: Final = 1 << 20
_DIGEST_MODULUS: Final = 1 << 256
_DISK_FULL: Final = 28


class BackupDamaged(MusterError):
    """{path} is no backup of muster, or is damaged: {problem}. Nothing was changed; use another backup."""

    code = "backup_damaged"
    category = Category.INVALID


class BackupTooNew(MusterError):
    """{path} was made by a newer muster (format {found}, this version reads {known}). Install a newer muster."""

    code = "backup_too_new"
    category = Category.INVALID


@dataclass(frozen=True, slots=True)
class TablePart:
    """A table in a backup: its columns in order, how many rows, and the digest of them all."""

    columns: list[str]
    rows: int
    digest: str


NO_BLOBS: Final = TablePart(["sha256"], 0, f"{0:064x}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds. `created_at` is microseconds since the epoch; `digest` covers all tables."""

    format: str
    format_version: int
    muster: str
    schema: str
    database: str
    created_at: int
    last_seq: int
    sealed_blocks: int
    chain_hash: str
    digest: str
    tables: dict[str, TablePart]
    blobs: TablePart = NO_BLOBS
    """The contents, one file `blobs/<sha256>` each; a row of the digest is a name."""

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(part.rows for part in self.tables.values())


class Digest:
    """Counts rows and adds up their hashes."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0
        self._encoder = msgspec.json.Encoder()

    def add(self, row: Row) -> bytes:
        """Take up a row; its JSON line without the newline."""
        line = self._encoder.encode(row)
        self._sum += int.from_bytes(hashlib.sha256(line).digest())
        self.rows += 1
        return line

    def hex(self) -> str:
        """The digest of all rows so far."""
        return f"{self._sum % _DIGEST_MODULUS:064x}"


def total_digest(tables: dict[str, TablePart]) -> str:
    """One digest for all tables of a backup."""
    text = "".join(f"{name} {part.rows} {part.digest}\n" for name, part in sorted(tables.items()))
    return hashlib.sha256(text.encode()).hexdigest()


class BackupWriter:
    """Writes a backup beside its target; only `publish` puts it there."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self.partial = target.with_name(f".{target.name}.partial")
        handle = os.open(self.partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._file: IO[bytes] = os.fdopen(handle, "w+b")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=1)

    @contextmanager
    def table(self, name: str) -> Generator[IO[bytes]]:
        """Where the lines of a table go."""
        with self._zip.open(f"tables/{name}.jsonl", "w", force_zip64=True) as member:
            yield member

    def blob(self, name: str, content: bytes) -> None:
        """Add a content."""
        self._zip.writestr(f"blobs/{name}", content)

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest and have the file on the disk."""
        self._zip.writestr(MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def publish(self) -> None:
        """Give the file its name, unless somebody else has taken that meanwhile (AlreadyExists)."""
        try:
            os.link(self.partial, self._target)
        except FileExistsError as error:
            raise AlreadyExists(noun="file", name=str(self._target)) from error
        except OSError:
            # A file system without hard links.
            if self._target.exists():
                raise AlreadyExists(noun="file", name=str(self._target)) from None
            self.partial.rename(self._target)
        self.partial.unlink(missing_ok=True)
        sync_folder(self._target.parent)

    def discard(self) -> None:
        """Remove what was written."""
        # Without its file it will not try, when it is collected, to write the rest.
        self._zip.fp = None
        self._file.close()
        self.partial.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Have new names in a folder survive a power loss."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def explained(path: Path) -> Generator[None]:
    """Turn the system's errors about files below `path`'s folder into ours."""
    try:
        yield
    except OSError as error:
        if error.errno == _DISK_FULL:
            raise DiskFull(path=str(path.parent)) from error
        raise DataFolderUnusable(path=str(path), problem=error.strerror or str(error)) from error


class BackupReader:
    """Reads a backup; whatever is wrong with it is BackupDamaged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with explained(path), self._guarded():
            self._zip = zipfile.ZipFile(path)
        try:
            self.manifest = self._read_manifest()
        except BaseException:
            self._zip.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()

    @contextmanager
    def _guarded(self) -> Generator[None]:
        try:
            yield
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, KeyError, ValueError) as error:
            raise BackupDamaged(path=self.path, problem=str(error) or type(error).__name__) from error

    def _read_manifest(self) -> Manifest:
        if MANIFEST not in self._zip.namelist():
            raise BackupDamaged(path=self.path, problem="it has no manifest")
        with self._guarded():
            document = self._zip.read(MANIFEST)
            head: Any = msgspec.json.decode(document)
            version: object = head.get("format_version") if isinstance(head, dict) else None  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]
            if isinstance(version, int) and version > FORMAT_VERSION:
                raise BackupTooNew(path=self.path, found=version, known=FORMAT_VERSION)
            manifest = msgspec.json.decode(document, type=Manifest)
        if manifest.format != FORMAT or total_digest(manifest.tables) != manifest.digest:
            raise BackupDamaged(path=self.path, problem="its manifest contradicts itself")
        return manifest

    def pages(self, table: str, size: int = 1000) -> Generator[Sequence[Row]]:
        """The rows of a table in the order of its columns, some at a time. Rows and digest are checked at the end."""
        part = self.manifest.tables[table]
        digest = Digest()
        page: list[Row] = []
        for row in self._rows(table):
            digest.add(row)
            page.append(row)
            if len(page) >= size:
                yield page
                page = []
        if page:
            yield page
        if (digest.rows, digest.hex()) != (part.rows, part.digest):
            problem = f"table {table} has {digest.rows} rows where {part.rows} are declared"
            if digest.rows == part.rows:
                problem = f"a row of table {table} was changed"
            raise BackupDamaged(path=self.path, problem=problem)

    def blobs(self) -> Generator[tuple[str, bytes]]:
        """The contents with their names. Each, and how many they are, is checked."""
        digest = Digest()
        for name in sorted(self._zip.namelist()):
            if not name.startswith("blobs/"):
                continue
            with self._guarded():
                content = self._zip.read(name)
            name = name.removeprefix("blobs/")
            if hashlib.sha256(content).hexdigest() != name:
                raise BackupDamaged(path=self.path, problem=f"the content {name[:64]} was changed")
            digest.add((name,))
            yield name, content
        part = self.manifest.blobs
        if (digest.rows, digest.hex()) != (part.rows, part.digest):
            problem = f"it has {digest.rows} contents where {part.rows} are declared"
            raise BackupDamaged(path=self.path, problem=problem)

    def _rows(self, table: str) -> Iterable[Row]:
        decode = msgspec.json.Decoder(tuple[int | str | None, ...]).decode
        with self._guarded(), self._zip.open(f"tables/{table}.jsonl") as member:
            for line in member:
                yield decode(line)
