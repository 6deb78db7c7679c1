"""What an operator runs: verify, backup, restore and doctor with the settings of an installation."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from muster.bootstrap import doctor as looks
from muster.bootstrap.operations import Check, backup, database_place, doctor, restore, verify
from muster.bootstrap.settings import DatabaseSettings, ServerSettings, Settings, WorkerSettings
from muster.domain.errors import DatabaseTooOld, InvalidInput, NotFound, StoreUnavailable
from muster.sandboxes.registry import make_driver
from muster.store.backup_restore import TargetNotEmpty
from muster.store.database import Durability, Store
from muster.store.open import open_store
from tests.store.trust import a_day_of_work, quiet, seal_all


def settings_for(database: str, tmp_path: Path) -> Settings:
    url = database if "://" in database else f"sqlite:///{database}"
    return Settings(
        data_dir=tmp_path, database=DatabaseSettings(url=url), server=ServerSettings(port=free_port())
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def found(settings: Settings, name: str) -> Check:
    return next(check for check in await doctor(settings) if check.name == name)


async def test_verify_backup_and_restore_of_an_installation(
    store: Store, database: str, tmp_path: Path
) -> None:
    """OD-60: the three commands check their own work."""
    settings = settings_for(database, tmp_path)
    await a_day_of_work(store)
    await seal_all(store)
    before = await verify(settings, progress=quiet)
    copy = await backup(settings, tmp_path / "copy", progress=quiet)
    await store.close()
    assert before.ok
    assert copy.ok
    assert before.head_hash in before.message
    assert before.head_hash in copy.message
    with pytest.raises(TargetNotEmpty, match="--force"):
        await restore(settings, tmp_path / "copy", force=False, progress=quiet)
    restored = await restore(settings, tmp_path / "copy", force=True, progress=quiet)
    assert restored.ok
    assert await verify(settings, progress=quiet) == before


async def test_a_database_that_is_not_there_yet_is_named(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "none")
    assert database_place(settings) == tmp_path / "none" / "muster.db"
    with pytest.raises(NotFound, match=r"none/muster\.db"):
        await verify(settings, progress=quiet)
    with pytest.raises(InvalidInput, match="there is no file"):
        await restore(settings, tmp_path / "nothing", force=False, progress=quiet)


@pytest.mark.postgres
async def test_a_postgres_database_without_a_schema_says_what_to_run(
    postgres_url: str, tmp_path: Path
) -> None:
    settings = settings_for(postgres_url, tmp_path)
    with pytest.raises(DatabaseTooOld):
        await backup(settings, tmp_path / "copy", progress=quiet)
    check = await found(settings, "database")
    assert (check.status, "none" in check.message) == ("fail", True)


async def test_a_database_server_that_is_away_is_a_clear_error(tmp_path: Path) -> None:
    settings = settings_for(f"postgresql://nobody@127.0.0.1:{free_port()}/x", tmp_path)
    with pytest.raises(StoreUnavailable, match="cannot connect"):
        await verify(settings, progress=quiet)
    assert (await found(settings, "database")).status == "fail"


async def test_doctor_finds_nothing_wrong_with_a_healthy_installation(
    store: Store, database: str, tmp_path: Path
) -> None:
    await a_day_of_work(store)
    await store.close()
    checks = await doctor(settings_for(database, tmp_path))
    assert [check for check in checks if check.status == "fail"] == []
    assert {"python", "sqlite", "data folder", "disk space", "server", "database", "sandbox", "clock"} <= {
        check.name for check in checks
    }


async def test_doctor_of_a_folder_that_will_be_made(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "new", server=ServerSettings(port=free_port()))
    assert "will be made" in (await found(settings, "data folder")).message
    assert "will be made" in (await found(settings, "database")).message
    assert not (tmp_path / "new").exists()


async def test_doctor_names_what_is_wrong_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "muster.db").write_bytes(b"nonsense" * 1000)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setattr(looks, "ANSWER_SECONDS", 0.05)
        monkeypatch.setattr(looks, "NO_SPACE", 1 << 60)
        monkeypatch.setattr(looks, "LITTLE_SPACE", 1 << 60)
        settings = Settings(data_dir=tmp_path, server=ServerSettings(port=taken.getsockname()[1]))
        failed = {check.name: check for check in await doctor(settings) if check.status == "fail"}
    assert set(failed) == {"server", "disk space", "database"}
    assert "--port" in failed["server"].remedy
    assert "restore" in failed["database"].remedy
    below_a_file = Settings(data_dir=tmp_path / "file" / "data", server=ServerSettings(port=free_port()))
    assert (await found(below_a_file, "data folder")).status == "fail"


async def test_doctor_sees_a_stranger_holding_the_database(tmp_path: Path) -> None:
    store = await open_store(
        tmp_path / "muster.db", durability=Durability.RELAXED, clock=lambda: time.time_ns() // 1000
    )
    settings = Settings(data_dir=tmp_path, server=ServerSettings(port=free_port()))
    assert (await found(settings, "database lock")).status == "warn"
    await store.close()
    assert (await found(settings, "database lock")).status == "ok"


async def test_doctor_sees_a_clock_that_went_back_and_a_log_that_grew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = time.time_ns() // 1000 + 3_600_000_000
    store = await open_store(tmp_path / "muster.db", durability=Durability.RELAXED, clock=lambda: ahead)
    await a_day_of_work(store)
    monkeypatch.setattr(looks, "LARGE_WAL", 1000)
    settings = Settings(data_dir=tmp_path, server=ServerSettings(port=free_port()))
    check = await found(settings, "clock")
    assert (check.status, "before the newest event" in check.message) == ("warn", True)
    assert (await found(settings, "write-ahead log")).status == "warn"
    await store.close()


async def test_doctor_says_when_the_chosen_sandbox_does_not_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    there = {**make_driver.__kwdefaults__, "path": str(tmp_path), "python": "python3"}
    monkeypatch.setattr(make_driver, "__kwdefaults__", there)
    settings = Settings(
        data_dir=tmp_path,
        server=ServerSettings(port=free_port()),
        worker=WorkerSettings(sandbox="bubblewrap"),
    )
    checks = {check.name: check for check in await doctor(settings)}
    assert checks["sandbox"].status == "fail"
    assert "bubblewrap" in checks["sandbox"].remedy
    assert checks["git"].status == "warn"
