"""The command line as a whole: verbs, help, options, errors, exit codes (SQ-20)."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from muster.cli.exits import MEANINGS, ExitCode
from muster.cli.main import VERBS, Verb, load_verb
from tests.cli.conftest import Muster

WANTED = """
setup teardown up start stop restart status doctor reload scripts enqueue claim complete fail cancel move requeue tasks
task db logs queue session project agents activity purge run worker verify backup restore waiting rerun archive
unarchive conversation files diff calls role answer inbox interrupt permissions say merge branches sandboxes pause resume
providers mcp image extend ask-again review bundle compare console
"""
HEAVY = {
    "aiohttp",
    "sqlalchemy",
    "fastapi",
    "uvicorn",
    "alembic",
    "apsw",
    "asyncpg",
    "rich",
    "prometheus_client",
}


def leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", {})
    if not children:
        yield name, command
    for child, inner in children.items():
        yield from leaves(inner, f"{name} {child}")


class TestVerbs:
    """Every verb is there, explains itself and speaks JSON."""

    def test_all_verbs_are_there(self) -> None:
        assert sorted(WANTED.split()) == sorted(verb.name for verb in VERBS)

    @pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
    def test_the_help_of_a_verb_begins_as_the_list_of_verbs_says(self, verb: Verb) -> None:
        command = load_verb(verb)
        assert " ".join(command.help.split()).startswith(verb.help.removesuffix("."))

    @pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
    def test_every_command_takes_the_common_options_and_has_a_help_line(self, verb: Verb) -> None:
        for name, command in leaves(load_verb(verb), verb.name):
            options = {option for param in command.params for option in param.opts}
            assert {"--json", "--config", "--data-dir", "--url", "--set"} <= options, name
            assert command.help, name

    def test_help_lists_every_verb_with_its_line(self, muster: Muster) -> None:
        ended = muster("--help")
        assert ended.code == 0
        for verb in VERBS:
            assert f"  {verb.name} " in ended.out
            assert verb.help in ended.out

    def test_every_exit_code_has_a_meaning(self) -> None:
        assert set(MEANINGS) == set(ExitCode)


class TestStartUp:
    """No command pays for what it does not use."""

    @pytest.mark.parametrize("arguments", [["--help"], ["tasks"], ["enqueue", "--bash", "true"], ["scripts"]])
    def test_a_command_does_not_import_the_server(self, home: Path, arguments: list[str]) -> None:
        program = (
            "import sys\nfrom muster.cli.main import main\n"
            f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
            f"found = {HEAVY!r} & set(sys.modules)\nsys.exit(f'imported: {{found}}' if found else 0)"
        )
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            nobody = {"MUSTER_PORT": str(taken.getsockname()[1])}
            result = subprocess.run(
                [sys.executable, "-c", program],
                cwd=home,
                capture_output=True,
                text=True,
                env={**os.environ, **nobody},
            )
        assert result.returncode == 0, result.stderr

    def test_help_needs_no_settings_library(self, home: Path) -> None:
        program = (
            "import sys\nfrom muster.cli.main import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
            "sys.exit(f'{len(sys.modules)}' if {'pydantic', 'yaml', 'http.client', 'asyncio'} & set(sys.modules) else 0)"
        )
        result = subprocess.run([sys.executable, "-c", program], cwd=home, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr

    def test_completion_offers_verbs_with_their_help(self, home: Path) -> None:
        environ = {
            "_MUSTER_COMPLETE": "complete_zsh",
            "_TYPER_COMPLETE_ARGS": "muster req",
            "HOME": str(home),
        }
        result = subprocess.run(
            [sys.executable, "-c", "import sys; from muster.cli.main import main; main([])"],
            cwd=home,
            env=environ,
            capture_output=True,
            text=True,
        )
        assert "requeue" in result.stdout
        assert "Queue finished tasks again" in result.stdout


class TestErrors:
    """One clear line with what to do next, and an exit code that says what sort of thing went wrong."""

    @pytest.fixture
    def nobody(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> int:
        """A port where nobody listens."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        monkeypatch.setenv("MUSTER_PORT", str(port))
        return port

    def test_without_a_server_the_line_says_how_to_start_one(self, muster: Muster, nobody: int) -> None:
        ended = muster("tasks")
        assert ended.code == ExitCode.UNREACHABLE
        assert ended.out == ""
        [line] = ended.err.splitlines()
        assert line.startswith(
            f"muster: No muster server answers at http://127.0.0.1:{nobody} (connection refused)."
        )
        assert line.endswith("Start it with: muster start")

    def test_an_address_that_was_named_is_questioned(self, muster: Muster, nobody: int) -> None:
        ended = muster("tasks", "--url", f"http://127.0.0.1:{nobody}")
        assert "The address comes from flag for server.url" in ended.err

    @pytest.mark.parametrize("arguments", [["--json", "tasks"], ["tasks", "--json"]])
    def test_with_json_errors_are_json_too_and_stdout_stays_clean(
        self, muster: Muster, nobody: int, arguments: list[str]
    ) -> None:
        ended = muster(*arguments)
        assert ended.out == ""
        assert json.loads(ended.err)["code"] == "unreachable"

    def test_a_wrong_setting_is_invalid(self, muster: Muster, home: Path) -> None:
        (home / "muster.yml").write_text("server: {prot: 1}")
        ended = muster("status")
        assert ended.code == ExitCode.INVALID
        assert "did you mean server.port?" in ended.err

    def test_a_missing_configuration_file_is_not_found(self, muster: Muster) -> None:
        assert muster("status", "--config", "gone.yml").code == ExitCode.NOT_FOUND

    @pytest.mark.parametrize(
        ("arguments", "expected"),
        [
            (["taks"], "Did you mean"),
            (["tasks", "--frob"], "--frob"),
            (["task"], "Missing argument"),
            (["tasks", "--set", "x"], "must look like server.port=5006"),
            (["tasks", "--limit", "0"], "--limit"),
        ],
    )
    def test_a_wrong_command_line_is_a_usage_error(
        self, muster: Muster, arguments: list[str], expected: str
    ) -> None:
        ended = muster(*arguments)
        assert ended.code == ExitCode.USAGE
        assert expected in ended.err

    def test_a_server_that_is_not_muster_is_recognised(self, muster: Muster, home: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            program = (
                "import socket, sys\nlistener = socket.socket(fileno=int(sys.argv[1]))\n"
                "peer, _ = listener.accept()\npeer.recv(65536)\n"
                "peer.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\n<htm>')\n"
            )
            other = subprocess.Popen(
                [sys.executable, "-c", program, str(listener.fileno())], pass_fds=[listener.fileno()]
            )
            ended = muster("tasks", "--url", f"http://127.0.0.1:{port}")
            other.wait(timeout=10)
        assert ended.code == ExitCode.UNAVAILABLE
        assert "the body is not JSON" in ended.err
