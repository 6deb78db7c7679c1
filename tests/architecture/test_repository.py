"""What is committed works on anybody's machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

GENERATED = {"uv.lock", "openapi.json"}
MACHINE_PATH = re.compile(r"(?<![\w.}$-])/(?:work|Users|mnt|data/jobs)/[\w.-]+")
REGISTRY = re.compile(
    r"--(?:extra-)?index-url|--find-links|\bUV_(?:DEFAULT_)?INDEX|\bPIP_INDEX_URL|\[\[?tool\.uv\.index|"
    r"https?://[\w.-]*(?:pythonhosted|registry\.npmjs|artifactory|nexus)[\w.-]*"
)
LARGEST_BYTES = 1_000_000


def committed() -> list[Path]:
    """The tracked text files."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    ).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def texts() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for path in committed():
        content = path.read_bytes()
        if b"\0" not in content and path.name not in GENERATED:
            found.append((path.relative_to(ROOT).as_posix(), content.decode()))
    return found


def places(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {match[0]}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        for match in pattern.finditer(line)
        if name != Path(__file__).relative_to(ROOT).as_posix()
    ]


def test_no_committed_file_names_a_path_of_one_machine() -> None:
    found = places(MACHINE_PATH)
    if len(ROOT.parts) > 2:
        found += places(re.compile(re.escape(str(ROOT)) + r"\b"))
    assert not found, f"write it relative to the repository, or take it as a setting: {found}"


def test_no_committed_file_names_a_package_registry() -> None:
    found = places(REGISTRY)
    assert not found, f"where packages come from is the machine's own setting: {found}"


def test_no_large_file_is_committed() -> None:
    large = [
        path.name
        for path in committed()
        if path.stat().st_size > LARGEST_BYTES and path.name not in GENERATED
    ]
    assert not large, (
        f"keep it out of the repository, or make it smaller (over {LARGEST_BYTES} bytes): {large}"
    )


def test_every_committed_text_ends_with_a_newline_and_has_unix_line_ends() -> None:
    wrong = [name for name, text in texts() if text and (not text.endswith("\n") or "\r\n" in text)]
    assert not wrong, wrong
