"""Contents kept as files: written once, checked when read, collected when nothing refers to them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import zipfile
import zlib
from pathlib import Path

import pytest

from muster.commands.file_changes import ChangedFile
from muster.domain.errors import DataFolderUnusable, InvalidInput, NotFound
from muster.engine.pruner import sweep
from muster.store.backup_file import BackupDamaged, BackupReader
from muster.store.blobs import BlobDamaged, BlobStore
from muster.store.database import Store
from tests.store.runs import a_call, call, change, describe
from tests.store.test_backup import back_up, put_back
from tests.store.working import Place

TEXT = b"some text " * 1_000
NAME = hashlib.sha256(TEXT).hexdigest()


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


class TestKeeping:
    async def test_a_content_is_given_back_as_it_was(self, blobs: BlobStore) -> None:
        """OD-7"""
        assert await blobs.put(NAME, TEXT) is True
        assert await blobs.get(NAME) == TEXT
        path = blobs.path_of(NAME)
        assert path.relative_to(blobs.folder).parts == (NAME[:2], NAME[2:4], NAME)
        assert path.stat().st_size < len(TEXT) / 10
        assert (path.stat().st_mode & 0o777, blobs.folder.stat().st_mode & 0o777) == (0o600, 0o700)

    async def test_keeping_it_again_keeps_it_once_and_young(self, blobs: BlobStore) -> None:
        """OD-7"""
        await blobs.put(NAME, TEXT)
        os.utime(blobs.path_of(NAME), (1, 1))
        assert await blobs.put(NAME, TEXT) is False
        assert list(blobs.names(older_than=1_000)) == []
        assert list(blobs.names()) == [NAME]

    async def test_many_at_once_leave_whole_files_only(self, blobs: BlobStore) -> None:
        """OD-7"""
        contents = [str(number % 5).encode() for number in range(50)]
        names = [hashlib.sha256(content).hexdigest() for content in contents]
        made = await asyncio.gather(*(blobs.put(*pair) for pair in zip(names, contents, strict=True)))
        assert sum(made) == 5
        assert {path.name for path in blobs.folder.glob("??/??/*")} == set(names)

    async def test_it_is_kept_under_its_own_name_only(self, blobs: BlobStore) -> None:
        """SW-4f"""
        with pytest.raises(InvalidInput):
            await blobs.put(NAME, b"other")
        for name in ("0" * 64, "../../etc/passwd", NAME + "\n"):
            with pytest.raises(NotFound):
                await blobs.get(name)

    @pytest.mark.parametrize("damage", [b"no zlib", zlib.compress(b"another"), b""])
    async def test_a_damaged_content_is_not_given_out(self, blobs: BlobStore, damage: bytes) -> None:
        """SW-4a"""
        await blobs.put(NAME, TEXT)
        blobs.path_of(NAME).write_bytes(damage)
        with pytest.raises(BlobDamaged, match=NAME):
            await blobs.get(NAME)

    async def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        """SW-4a"""
        (tmp_path / "file").write_text("")
        with pytest.raises(DataFolderUnusable, match="file"):
            await BlobStore(tmp_path / "file" / "blobs").put(NAME, TEXT)


async def working(store: Store, blobs: BlobStore) -> None:
    """A run that refers to TEXT and to two contents that are not there."""
    place = await Place.at(store)
    await place.submit()
    held = await place.claim()
    assert held is not None
    await describe(store, held, agent="claude")
    await blobs.put(NAME, TEXT)
    await call(store, held, a_call(request_blob=NAME, answer_blob="0" * 64))
    await change(store, held, ChangedFile(path="a", change="created", after_blob=NAME, diff_blob="1" * 64))


class TestBackups:
    async def test_a_backup_holds_what_rows_refer_to(
        self, store: Store, database: str, tmp_path: Path, blobs: BlobStore
    ) -> None:
        """SW-4a"""
        await working(store, blobs)
        await blobs.put(hashlib.sha256(b"loose").hexdigest(), b"loose")
        report = await back_up(database, tmp_path / "b.zip")
        assert report.manifest.blobs.rows == 1
        await store.close()
        moved = tmp_path / "moved"
        moved.mkdir()
        (tmp_path / "b.zip").rename(moved / "b.zip")
        await put_back(moved / "b.zip", database, force=True)
        assert await BlobStore(moved / "blobs").get(NAME) == TEXT

    @pytest.mark.parametrize("database", ["sqlite"], indirect=True)
    async def test_a_backup_with_another_content_is_damaged(
        self, store: Store, database: str, tmp_path: Path, blobs: BlobStore
    ) -> None:
        """SW-4a"""
        await working(store, blobs)
        await back_up(database, tmp_path / "b.zip")
        for name, content, problem in (
            (f"blobs/{NAME}", b"other", "was changed"),
            ("blobs/" + hashlib.sha256(b"more").hexdigest(), b"more", "1 are declared"),
        ):
            forged = tmp_path / "forged.zip"
            with zipfile.ZipFile(tmp_path / "b.zip") as whole, zipfile.ZipFile(forged, "w") as changed:
                for member in whole.namelist():
                    changed.writestr(member, content if member == name else whole.read(member))
                if name not in whole.namelist():
                    changed.writestr(name, content)
            reader = BackupReader(forged)
            with pytest.raises(BackupDamaged, match=problem):
                list(reader.blobs())
            reader.close()


async def test_the_pruner_keeps_what_is_young_or_referred_to(store: Store, blobs: BlobStore) -> None:
    """OD-2"""
    await working(store, blobs)
    old, young = hashlib.sha256(b"old").hexdigest(), hashlib.sha256(b"young").hexdigest()
    await blobs.put(old, b"old")
    await blobs.put(young, b"young")
    for name in (old, NAME):
        os.utime(blobs.path_of(name), (1, 1))
    assert await sweep(store, blobs) == 1
    assert set(blobs.names()) == {young, NAME}
