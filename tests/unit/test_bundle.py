"""Names in the bundle of an attempt, what is left out of it and what is masked."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.domain.bundle import Names, holds_secrets, member_of
from muster.domain.masking import masked, settled


class TestNames:
    @pytest.mark.parametrize(
        ("path", "name"),
        [
            ("src/a.py", "src/a.py"),
            ("../../etc/passwd", "etc/passwd"),
            ("/etc/passwd", "etc/passwd"),
            ("C:\\Windows\\x", "C_/Windows/x"),
            ("a/../../b", "a/b"),
            (".git/hooks/post-checkout", "_.git/hooks/post-checkout"),
            ("a/NUL.txt", "a/_NUL.txt"),
            ("end. /x", "end_/x"),
            ("line\nbreak\u202e", "line_break_"),
            ("..", "_"),
            ("", "_"),
            ("\ud800", "?"),
            ("\u00e9" * 150, "\u00e9" * 100),
        ],
    )
    def test_a_path_becomes_a_name_below_the_folder_it_is_unpacked_into(self, path: str, name: str) -> None:
        """RQ-4"""
        assert member_of(path) == name

    @given(st.text(max_size=400))
    def test_no_path_leads_out_of_the_folder(self, path: str) -> None:
        name = member_of(path)
        parts = name.split("/")
        assert not name.startswith("/")
        assert all(part not in {"", ".", "..", ".git"} and len(part.encode()) <= 201 for part in parts)
        assert not set(name) & set('\\:*?"<>|\n\r\0') - ({"?"} if "?" in name and "?" not in path else set())

    def test_no_two_paths_have_the_same_name_whatever_the_case(self) -> None:
        names = Names()
        assert [names.of(path) for path in ("a/B", "A/b", "../a/b")] == ["a/B", "A/b.2", "a/b.3"]


class TestSecrets:
    @pytest.mark.parametrize("path", [".env", "app/.env.production", "k/id_rsa", "server.PEM", ".ssh/config"])
    def test_files_that_hold_secrets_by_their_name_are_known(self, path: str) -> None:
        assert holds_secrets(path)

    @pytest.mark.parametrize("path", ["src/a.py", ".env.example", "environment.md", "keys.py"])
    def test_other_files_are_not_taken_for_them(self, path: str) -> None:
        assert not holds_secrets(path)

    @pytest.mark.parametrize(
        "secret",
        [
            "sk-ant-api03-" + "a1B2" * 8,
            "ghp_" + "a1B2" * 9,
            "github_pat_" + "a1B2" * 9,
            "glpat-" + "a1B2" * 6,
            "AKIA" + "ABCD" * 4,
            "xoxb-1234567890-abc",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
        ],
    )
    def test_what_has_the_shape_of_a_key_is_masked(self, secret: str) -> None:
        assert masked(f"before {secret} after") == ("before *** after", 1)

    def test_passwords_in_addresses_and_bearer_tokens_are_masked(self) -> None:
        text = "git clone https://me:hunter2@example.org/x -H 'Authorization: Bearer abcdefghijklmnop1234'"
        assert masked(text) == ("git clone https://***@example.org/x -H 'Authorization: Bearer ***'", 2)

    def test_ordinary_words_stay(self) -> None:
        text = "task sk-1, http://127.0.0.1:5005/a@b, the bearer of bad news, ghp_short"
        assert masked(text) == (text, 0)

    def test_a_private_key_that_has_not_ended_is_kept_for_what_follows(self) -> None:
        begun = "words\n-----BEGIN RSA PRIVATE KEY-----\nMIIE"
        assert begun[: settled(begun)] == "words\n"
        over = f"{begun}\n-----END RSA PRIVATE KEY-----\n"
        assert settled(over) == len(over)
        assert settled(begun + "x" * 30_000) == len(begun) + 30_000

    def test_json_stays_json(self) -> None:
        line = json.dumps({"output": "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n", "n": 1})
        assert json.loads(masked(line)[0]) == {"output": "***\n", "n": 1}
