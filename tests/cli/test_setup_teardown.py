"""Setting up and tearing down (SQ-20, SQ-1)."""

from __future__ import annotations

import asyncio
import io
import stat
from pathlib import Path

import pytest
import yaml

from muster.bootstrap.daemon import registered
from muster.bootstrap.demo import make_repository
from muster.bootstrap.loading import load_settings
from muster.cli.exits import ExitCode
from muster.cli.setup import ASKED
from tests.cli.conftest import Muster


def answers(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


class TestSetup:
    """A muster.yml from flags or from answers."""

    def test_flags_make_a_file_that_loads(self, muster: Muster, home: Path) -> None:
        ended = muster(
            "setup",
            "--yes",
            "--port",
            "6001",
            "--set",
            "scripts.folders=tools, more",
            "--set",
            "worker.capacity=3",
            "--json",
        )
        assert ended.code == 0
        assert ended.json["data_dir"] == str(home / ".muster")
        settings = load_settings(environ={}, cwd=home)
        assert (settings.server.port, settings.worker.capacity) == (6001, 3)
        assert settings.scripts.folders == [home / "tools", home / "more"]
        assert (home / "tools").is_dir()
        assert stat.S_IMODE((home / ".muster").stat().st_mode) == 0o700

    def test_every_setting_is_asked_and_enter_confirms_it(
        self, muster: Muster, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers(monkeypatch, *[""] * len(ASKED))
        ended = muster("setup")
        assert ended.code == 0
        for _, question in ASKED:
            assert question in ended.err
        assert yaml.safe_load((home / "muster.yml").read_text()) == {
            "environment": "dev",
            "server": {"host": "127.0.0.1", "port": 5005},
            "data_dir": ".muster",
        }

    def test_a_wrong_answer_is_explained_and_asked_again(
        self, muster: Muster, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers(monkeypatch, "", "", "99999", "6002", *[""] * len(ASKED))
        ended = muster("setup")
        assert "server.port" in ended.err
        assert load_settings(environ={}, cwd=home).server.port == 6002

    def test_a_public_address_gets_a_token_in_a_private_file(self, muster: Muster, home: Path) -> None:
        ended = muster("setup", "--yes", "--host", "0.0.0.0")
        token = load_settings(environ={}, cwd=home).server.token
        assert token is not None
        assert len(token.get_secret_value()) > 30
        assert token.get_secret_value() not in ended.out + ended.err
        assert stat.S_IMODE((home / "muster.yml").stat().st_mode) == 0o600

    def test_an_existing_file_is_kept_unless_forced(self, muster: Muster, home: Path) -> None:
        (home / "muster.yml").write_text("environment: test\n")
        ended = muster("setup", "--yes")
        assert ended.code == ExitCode.CONFLICT
        assert (home / "muster.yml").read_text() == "environment: test\n"
        assert muster("setup", "--yes", "--force").code == 0

    def test_a_wrong_flag_writes_nothing(self, muster: Muster, home: Path) -> None:
        assert muster("setup", "--yes", "--port", "99999").code == ExitCode.INVALID
        assert list(home.iterdir()) == []


class TestTeardown:
    """Shows what it deletes, asks twice, can be repeated."""

    @pytest.fixture
    def project(self, muster: Muster, home: Path) -> Path:
        muster("setup", "--yes")
        (home / ".muster" / "muster.db").write_bytes(b"x" * 5000)
        return home

    def test_it_asks_twice_and_shows_what_goes(
        self, muster: Muster, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers(monkeypatch, "y", ".muster")
        ended = muster("teardown")
        assert ended.code == 0
        assert f"{project}/.muster  (5 KiB)" in ended.err
        assert not (project / ".muster").exists()
        assert (project / "muster.yml").exists()

    def test_the_repository_of_the_demo_goes_too_and_no_other_folder_of_that_name(
        self, muster: Muster, project: Path
    ) -> None:
        demo = project / ".muster-demo"
        asyncio.run(make_repository(demo))
        assert muster("teardown", "--force").code == 0
        assert not demo.exists()
        demo.mkdir()
        assert muster("teardown", "--force").code == 0
        assert demo.exists()

    @pytest.mark.parametrize("given", [("n",), ("y", "muster"), ()])
    def test_anything_but_both_answers_keeps_everything(
        self, muster: Muster, project: Path, monkeypatch: pytest.MonkeyPatch, given: tuple[str, ...]
    ) -> None:
        answers(monkeypatch, *given)
        assert muster("teardown").code == ExitCode.FAILED
        assert (project / ".muster" / "muster.db").exists()

    def test_force_asks_nothing_and_twice_is_fine(self, muster: Muster, project: Path) -> None:
        assert muster("teardown", "--force", "--with-config").code == 0
        assert not (project / "muster.yml").exists()
        again = muster("teardown", "--force", "--json", "--data-dir", str(project / ".muster"))
        assert (again.code, again.json) == (0, {"deleted": []})

    def test_a_directory_that_holds_more_than_data_is_refused(self, muster: Muster, home: Path) -> None:
        (home / "precious").write_text("x")
        ended = muster("teardown", "--force", "--data-dir", str(home.parent))
        assert ended.code == ExitCode.FORBIDDEN
        assert (home / "precious").exists()

    def test_a_running_server_keeps_its_data(
        self, muster: Muster, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers(monkeypatch, "y", ".muster")
        with registered(load_settings(environ={}, cwd=project)):
            ended = muster("teardown")
        assert ended.code == ExitCode.CONFLICT
        assert "Stop it first" in ended.err
        assert (project / ".muster" / "muster.db").exists()
