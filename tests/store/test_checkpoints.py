"""The write-ahead log is folded back beside those who write, and a failure of that does not stop them."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from muster.store.sqlite_files import PASSIVE_PAGES, RESTART_PAGES, Checkpointer, open_connection


def test_a_checkpoint_that_finds_no_space_leaves_the_writer_at_work(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """SW-4a: the commit before it stands, and the log is started over once there is space."""
    path = tmp_path / "m.db"
    writer = open_connection(path)
    writer.execute("CREATE TABLE t (x)")
    writer.execute("INSERT INTO t VALUES (zeroblob(400000))")
    checkpoints = Checkpointer(path, writer)
    checkpoints._pages, checkpoints._passed = RESTART_PAGES, RESTART_PAGES - 1
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, before[1]))
    try:
        checkpoints.after_commit()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "cannot be started over now" in caplog.text
    assert checkpoints._passed == checkpoints._pages
    writer.execute("INSERT INTO t VALUES (1)")
    checkpoints._pages, checkpoints._passed = RESTART_PAGES, RESTART_PAGES - 1
    checkpoints.after_commit()
    assert checkpoints._pages == 0
    checkpoints.close()
    writer.close()
    assert path.stat().st_size > 400_000


def test_the_log_is_folded_on_a_thread_before_the_writer_has_to(tmp_path: Path) -> None:
    """SW-4a: what is left for the writer, who is the event loop, is short."""
    path = tmp_path / "m.db"
    writer = open_connection(path)
    writer.execute("CREATE TABLE t (x)")
    checkpoints = Checkpointer(path, writer)
    written = PASSIVE_PAGES * 4_096
    writer.execute("INSERT INTO t VALUES (zeroblob(?))", (written,))
    checkpoints.after_commit()
    checkpoints.close()
    assert path.stat().st_size > written
    writer.close()
