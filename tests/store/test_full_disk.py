"""Folding the write-ahead log back may fail; that must not stop those who write."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from muster.store.sqlite_files import RESTART_PAGES, Checkpointer, open_connection


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
