"""Who runs: the pid file, and ending a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from muster.bootstrap.daemon import (
    PID_NAME,
    AlreadyRunning,
    Running,
    client_url,
    process_started,
    registered,
    running_server,
    stop,
)
from muster.bootstrap.loading import load_settings
from muster.bootstrap.settings import Settings
from muster.domain.errors import DataFolderUnusable

SLEEPER = "import signal, sys{ignore}; print('up', flush=True); signal.pause()"


def settings_in(folder: Path, **environ: str) -> Settings:
    return load_settings(
        environ={"MUSTER_DATA_DIR": str(folder / "data"), "HOME": str(folder), **environ}, cwd=folder
    )


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPER.format(ignore="")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def record(settings: Settings, pid: int, started: str | None) -> None:
    settings.data_dir.mkdir(exist_ok=True)
    entry = {"pid": pid, "started": started, "url": "http://127.0.0.1:7777"}
    (settings.data_dir / PID_NAME).write_text(json.dumps(entry))


def test_a_registered_server_is_found_and_gone_afterwards(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with registered(settings):
        found = running_server(settings.data_dir)
        assert found is not None
        assert (found.pid, found.url) == (os.getpid(), "http://127.0.0.1:5005")
    assert running_server(settings.data_dir) is None
    assert not (settings.data_dir / PID_NAME).exists()


def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path, sleeper: subprocess.Popen[str]) -> None:
    settings = settings_in(tmp_path)
    record(settings, sleeper.pid, process_started(sleeper.pid))
    with pytest.raises(AlreadyRunning, match=f"process {sleeper.pid}"), registered(settings):
        pass


@pytest.mark.parametrize("content", ["", "{", "{}", '{"pid": "x", "started": "1", "url": ""}', "[]"])
def test_a_broken_pid_file_counts_as_no_server(tmp_path: Path, content: str) -> None:
    settings = settings_in(tmp_path)
    settings.data_dir.mkdir()
    (settings.data_dir / PID_NAME).write_text(content)
    assert running_server(settings.data_dir) is None
    with registered(settings):
        assert running_server(settings.data_dir) is not None


def test_a_pid_that_another_process_has_now_is_stale(tmp_path: Path, sleeper: subprocess.Popen[str]) -> None:
    settings = settings_in(tmp_path)
    record(settings, sleeper.pid, "long ago")
    assert running_server(settings.data_dir) is None
    assert stop(Running(pid=sleeper.pid, started="long ago", url=""), 1)
    assert sleeper.poll() is None


def test_stopping_waits_for_the_end(sleeper: subprocess.Popen[str]) -> None:
    started = process_started(sleeper.pid)
    assert started is not None
    assert stop(Running(pid=sleeper.pid, started=started, url=""), 10)
    assert sleeper.wait(timeout=10) == -15


def test_a_server_that_does_not_end_in_time_is_reported_and_can_be_killed() -> None:
    ignoring = SLEEPER.format(ignore="; signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    with subprocess.Popen([sys.executable, "-c", ignoring], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        running = Running(pid=process.pid, started=process_started(process.pid) or "", url="")
        assert not stop(running, 0.2)
        assert stop(running, 10, kill=True)


def test_commands_find_the_live_server_unless_told_otherwise(
    tmp_path: Path, sleeper: subprocess.Popen[str]
) -> None:
    settings = settings_in(tmp_path)
    record(settings, sleeper.pid, process_started(sleeper.pid))
    assert client_url(settings) == "http://127.0.0.1:7777"
    assert client_url(settings_in(tmp_path, MUSTER_PORT="6001")) == "http://127.0.0.1:6001"
    assert client_url(settings_in(tmp_path, MUSTER_URL="https://muster.example")) == "https://muster.example"
    sleeper.kill()
    sleeper.wait(timeout=10)
    assert client_url(settings) == "http://127.0.0.1:5005"


def test_a_data_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings.data_dir.write_text("x")
    with pytest.raises(DataFolderUnusable, match="cannot be written"), registered(settings):
        pass
