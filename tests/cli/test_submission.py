"""The options of a new task, and the request they become."""

from __future__ import annotations

from pathlib import Path

import pytest

from muster.cli.submission import Submission
from muster.domain.errors import InvalidInput


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            Submission(argv=["make", "test"]),
            {"kind": "command", "payload": {"argv": ["make", "test"]}, "title": "make test"},
        ),
        (Submission(bash="echo hi\necho ho"), {"kind": "bash", "title": "echo hi"}),
        (
            Submission(python="print(1)", title="T"),
            {"kind": "python", "payload": {"script": "print(1)"}, "title": "T"},
        ),
        (Submission(prompt="Fix it"), {"kind": "prompt", "title": "Fix it", "description": "Fix it"}),
        (Submission(title="Call mum"), {"kind": "manual", "title": "Call mum"}),
        (Submission(bash="x", attempts=3), {"retry": {"max_attempts": 3}}),
        (Submission(bash="x", env=["A=b=c"]), {"payload": {"script": "x", "env": {"A": "b=c"}}}),
        (Submission(bash="x", network=True, requires=["gpu"]), {"network": True, "requires": ["gpu"]}),
        (Submission(script="backup", inputs=["a=1"]), {"inputs": {"a": "1"}}),
        (
            Submission(bash="x", allow_hosts=["pypi.org"]),
            {"payload": {"script": "x", "allow_hosts": ["pypi.org"]}},
        ),
        (
            Submission(prompt="x", agent="claude", integrate=True, allow_hosts=["a.example"]),
            {"payload": {"agent": "claude", "integrate": True, "allow_hosts": ["a.example"]}},
        ),
        (
            Submission(prompt="x", agent="claude", fallback=["qwen:7b", "@codex", "@gemini:pro"]),
            {
                "payload": {
                    "agent": "claude",
                    "fallbacks": [
                        {"model": "qwen:7b"},
                        {"agent": "codex"},
                        {"agent": "gemini", "model": "pro"},
                    ],
                }
            },
        ),
    ],
)
def test_options_become_fields(given: Submission, expected: dict[str, object]) -> None:
    body = given.body()
    assert {name: body.get(name) for name in expected} == expected


def test_what_was_not_given_is_not_sent() -> None:
    assert Submission(bash="x").body() == {"kind": "bash", "title": "x", "payload": {"script": "x"}}


def test_a_working_directory_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Submission(bash="x", working_dir=Path("here")).body()["working_dir"] == str(tmp_path / "here")


def test_a_file_is_run_by_its_suffix(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("print(1)")
    body = Submission(file=tmp_path / "a.py").body()
    assert (body["kind"], body["payload"], body["title"]) == ("python", {"script": "print(1)"}, "a.py")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Submission(), "say what to do"),
        (Submission(bash="x", python="y"), "give one of bash, python"),
        (Submission(bash="x", env=["A"]), "must look like NAME=VALUE"),
        (Submission(file=Path("a.txt")), "must end in .sh"),
        (Submission(file=Path("gone.sh")), "cannot be read"),
        (Submission(bash="x", model="m"), "--model: is for --prompt"),
        (Submission(script="x", max_cost=1.0), "--max-cost: is not for --script"),
        (Submission(script="x", allow_hosts=["a.example"]), "--allow-host: is not for --script"),
        (Submission(title="x", allow_hosts=["a.example"]), "--allow-host: is for work that muster runs"),
        (Submission(prompt="x", fallback=["@codex"]), "--fallback: needs --agent or --role"),
        (Submission(prompt="x", allow_hosts=["a.example"]), "--allow-host: needs --agent or --role"),
    ],
)
def test_options_that_do_not_fit_are_refused(given: Submission, expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected):
        given.body()
