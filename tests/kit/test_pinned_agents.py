"""The real agents' lock file: exact, whole, and of no registry; and what is said when they are not there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tools import real_agents

LOCK: dict[str, Any] = json.loads((real_agents.LOCKED / "package-lock.json").read_text())["packages"]
WANTED: dict[str, str] = json.loads((real_agents.LOCKED / "package.json").read_text())["dependencies"]


def test_every_version_is_exact_and_locked() -> None:
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in WANTED.values())
    assert {name: LOCK[f"node_modules/{name}"]["version"] for name in WANTED} == WANTED


def test_every_package_is_known_by_its_content_and_none_by_an_address() -> None:
    """SW-6c: npm takes them from whatever registry is set, and accepts only what the lock file knows."""
    packages = {name: entry for name, entry in LOCK.items() if name}
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    bundled = {name for name, entry in packages.items() if entry.get("inBundle")}
    assert [
        name for name, entry in packages.items() if "integrity" not in entry and name not in bundled
    ] == []


def test_a_cache_without_them_says_which_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSTER_AGENTS_CACHE", str(tmp_path / "cache"))
    with pytest.raises(real_agents.NotInstalled, match=r"claude, codex, .* python -m tools\.real_agents"):
        real_agents.programs()


def test_what_hinders_the_installation_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_AGENTS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(real_agents.NotInstalled, match=r"npm is missing|only pinned for Linux"):
        real_agents.install()
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho no such registry >&2\nexit 1\n")
    npm.chmod(0o755)
    with pytest.raises(real_agents.NotInstalled, match=r"no such registry|only pinned for Linux"):
        real_agents.install()


def test_what_is_installed_is_found_and_linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSTER_AGENTS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    npm = tmp_path / "npm"
    made = "\n".join(
        f"mkdir -p node_modules/{Path(target).parent} && : > node_modules/{target} && chmod 755 node_modules/{target}"
        for target in ("codex/x", *real_agents.LINKS.values())
    )
    shims = "\n".join(f"cp node_modules/codex/x node_modules/.bin/{name}" for name in real_agents.PROGRAMS)
    npm.write_text(
        f"#!/bin/sh\nset -e\ntest -f package-lock.json\n{made}\nmkdir node_modules/.bin\n{shims}\n"
    )
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    place = real_agents.install()
    assert place == real_agents.programs()
    assert (place / "claude").resolve().name == "claude"
    npm.unlink()
    assert real_agents.install() == place
