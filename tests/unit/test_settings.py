"""Settings: where they come from, which wins, and what a wrong one says."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from muster.bootstrap.loading import (
    InvalidSettings,
    describe_settings,
    load_settings,
    misspelt_variables,
    variable_names,
)
from muster.bootstrap.settings import Settings
from muster.domain.errors import NotFound


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with a folder inside."""
    root = tmp_path / "repo"
    (root / ".git").mkdir(parents=True)
    (root / "src").mkdir()
    return root


def load(
    cwd: Path, text: str | None = None, flags: dict[str, object] | None = None, **environ: str
) -> Settings:
    if text is not None:
        (cwd / "muster.yml").write_text(text)
    return load_settings(flags=flags or {}, environ={"HOME": str(cwd), **environ}, cwd=cwd)


def problems(
    cwd: Path, text: str | None = None, flags: dict[str, object] | None = None, **environ: str
) -> str:
    with pytest.raises(InvalidSettings) as caught:
        load(cwd, text, flags, **environ)
    return caught.value.message


class TestResolution:
    """SQ-1: MUSTER_CONFIG, then the working directory, then the repository's root."""

    def test_the_file_of_the_working_directory_beats_that_of_the_repository(self, project: Path) -> None:
        (project / "muster.yml").write_text("server: {port: 6001}")
        assert load(project / "src").server.port == 6001
        (project / "src" / "muster.yml").write_text("server: {port: 6002}")
        assert load(project / "src").server.port == 6002

    def test_muster_config_beats_both(self, project: Path, tmp_path: Path) -> None:
        (project / "muster.yml").write_text("server: {port: 6001}")
        other = tmp_path / "other.yml"
        other.write_text("server: {port: 6003}")
        settings = load(project, MUSTER_CONFIG=str(other))
        assert settings.server.port == 6003
        assert settings.config_file == other

    def test_a_named_file_that_is_not_there_is_an_error(self, project: Path) -> None:
        with pytest.raises(NotFound, match=r"no configuration file .*gone\.yml"):
            load(project, MUSTER_CONFIG="gone.yml")

    def test_folders_above_that_are_not_the_repository_are_not_searched(self, tmp_path: Path) -> None:
        (tmp_path / "muster.yml").write_text("server: {port: 6001}")
        (tmp_path / "inner").mkdir()
        assert load(tmp_path / "inner").server.port == 5005

    def test_flags_beat_the_environment_which_beats_the_file(self, project: Path) -> None:
        text = "server: {port: 6001}"
        assert load(project, text, MUSTER_PORT="6002").server.port == 6002
        assert load(project, text, {"server.port": 6003}, MUSTER_PORT="6002").server.port == 6003

    def test_an_empty_variable_counts_as_unset(self, project: Path) -> None:
        assert load(project, MUSTER_PORT="", MUSTER_CONFIG="").server.port == 5005

    def test_every_setting_has_a_variable(self) -> None:
        keys = {row["key"] for row in describe_settings()}
        assert set(variable_names().values()) == keys
        assert variable_names()["MUSTER_STALE_FAIL_MULTIPLIER"] == "stale.fail_multiplier"

    def test_lists_and_maps_can_come_from_the_environment(self, project: Path) -> None:
        settings = load(
            project, MUSTER_SCRIPTS_FOLDERS="a, /b", MUSTER_TASK_CLASSES="{FAST_SCRIPT: 5, NIGHTLY: 3600}"
        )
        assert settings.scripts.folders == [project / "a", Path("/b")]
        assert settings.task_classes["FAST_SCRIPT"].timeout_seconds == 5
        assert settings.task_classes["NIGHTLY"].timeout_seconds == 3600
        assert settings.task_classes["LLM_HEAVY"].timeout_seconds == 900


class TestPaths:
    """SQ-1: relative paths resolve from the file's place."""

    def test_paths_of_the_file_start_at_the_file(self, project: Path) -> None:
        text = "data_dir: state\nscripts: {folders: [tools]}\ndatabase: {url: 'sqlite:///db/x.db'}"
        (project / "muster.yml").write_text(text)
        settings = load(project / "src")
        assert settings.data_dir == project / "state"
        assert settings.scripts.folders == [project / "tools"]
        assert settings.database_url == f"sqlite:///{project}/db/x.db"

    def test_paths_of_variables_and_flags_start_at_the_working_directory(self, project: Path) -> None:
        assert load(project, MUSTER_DATA_DIR="here").data_dir == project / "here"
        assert load(project, flags={"data_dir": "../there"}).data_dir == project.parent / "there"

    def test_data_goes_beside_the_file_or_to_the_users_data_folder(self, project: Path) -> None:
        assert load(project).data_dir == project / ".local/share/muster"
        assert load(project, XDG_DATA_HOME="/srv/data").data_dir == Path("/srv/data/muster")
        settings = load(project, "environment: dev")
        assert settings.data_dir == project / ".muster"
        assert settings.database_url == f"sqlite:///{project}/.muster/muster.db"


class TestBadSettings:
    """Every problem is named, with the place it came from and what was probably meant."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("sevrer: {port: 1}", "unknown setting sevrer; did you mean server?"),
            ("server: {prot: 1}", "unknown setting server.prot; did you mean server.port?"),
            ("port: 1", "unknown setting port; did you mean server.port?"),
            ("server: {port: 99999}", "server.port (from "),
            ("server: 5005", "server in muster.yml is a group of settings"),
            ("durability: lots", "durability (from "),
            ("- a\n- b", "must hold settings (name: value), not a list"),
            ("server: {port: 1}\nserver: {port: 2}", "line 2: server is set twice"),
            ("a: [", "line 1"),
            ("stale: {warn_multiplier: 3, fail_multiplier: 2}", "fail_multiplier must not be smaller"),
            ("task_classes: {FAST_SCRIPT: -1}", "task_classes.FAST_SCRIPT.timeout_seconds (from "),
            ("database: {url: 'mysql://x'}", "must start with sqlite:/// or postgresql://"),
        ],
    )
    def test_a_wrong_file_says_what_is_wrong(self, project: Path, text: str, expected: str) -> None:
        assert expected in problems(project, text)

    def test_all_problems_are_reported_at_once(self, project: Path) -> None:
        message = problems(project, "sevrer: 1\ndurability: lots", MUSTER_PORT="many")
        assert "did you mean server?" in message
        assert "durability (from " in message
        assert "server.port (from MUSTER_PORT)" in message

    def test_an_unknown_flag_is_refused(self, project: Path) -> None:
        assert "did you mean server.port?" in problems(project, flags={"port": 1})

    def test_a_misspelt_variable_is_pointed_out(self) -> None:
        assert misspelt_variables({"MUSTER_PROT": "1", "MUSTER_TASK_ID": "x", "MUSTER_PORT": "1"}) == [
            "MUSTER_PROT is not a setting and was ignored; did you mean MUSTER_PORT?"
        ]

    def test_settings_cannot_be_changed(self, project: Path) -> None:
        settings = load(project)
        with pytest.raises(ValidationError):
            settings.environment = "prod"  # pyright: ignore[reportAttributeAccessIssue]


class TestExposure:
    """A server that others can reach needs a token, and tokens stay out of sight."""

    def test_a_public_host_without_a_token_is_refused(self, project: Path) -> None:
        assert "so a token is needed" in problems(project, MUSTER_HOST="0.0.0.0")
        settings = load(project, MUSTER_HOST="0.0.0.0", MUSTER_TOKEN="x" * 20)
        assert settings.listen_url == "http://127.0.0.1:5005"

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
    def test_loopback_hosts_need_none(self, project: Path, host: str) -> None:
        assert load(project, MUSTER_HOST=host).server.is_loopback

    def test_an_ipv6_host_is_bracketed_in_the_address(self, project: Path) -> None:
        assert load(project, MUSTER_HOST="::1").server_url == "http://[::1]:5005"

    def test_an_address_that_is_none_is_told_in_words(self, project: Path) -> None:
        told = problems(project, MUSTER_SERVER_URL="ftp://x")
        assert "must begin with http:// or https:// and name a host" in told
        assert "pattern" not in told

    def test_secrets_do_not_show(self, project: Path) -> None:
        url = "postgresql://me:hunter2hunter2@db/x"
        settings = load(project, MUSTER_TOKEN="sekrit-sekrit-sekrit", MUSTER_DATABASE_URL=url)
        assert "sekrit" not in repr(settings)
        assert "hunter2" not in repr(settings)
        assert "short" not in problems(project, MUSTER_TOKEN="short")

    def test_log_lines_are_json_in_production(self, project: Path) -> None:
        assert load(project).log_format == "text"
        assert load(project, MUSTER_ENVIRONMENT="prod").log_format == "json"
