"""Installs the real agent programs that the tests run, at pinned versions, into a cache outside of the tree.

    python -m tools.real_agents            install them, unless they are there; print the folder of their programs
    python -m tools.real_agents --check    only say whether they are there

Versions are pinned by tests/real_agents/package-lock.json, which names no registry: npm uses yours. Scripts of packages
are not run. MUSTER_AGENTS_CACHE names another cache folder; the usual one is muster/agents in your cache folder. A
changed lock file makes a new folder; folders that nobody used for a month are removed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCKED = Path(__file__).resolve().parent.parent / "tests" / "real_agents"
FILES = ("package.json", "package-lock.json")
PROGRAMS = ("claude", "codex", "gemini", "opencode", "claude-agent-acp")
SECONDS = 900
UNUSED_DAYS = 30
# Their packages install a link by a script of their own, or have no link at all.
LINKS = {
    "claude": "@anthropic-ai/claude-code-linux-x64/claude",
    "opencode": "opencode-linux-x64/bin/opencode",
}


class NotInstalled(Exception):
    """The programs are not there; the words say why and what to do."""


def cache() -> Path:
    """Where the folders of all versions are."""
    named = os.environ.get("MUSTER_AGENTS_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    usual = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(usual).expanduser() / "muster" / "agents"


def folder() -> Path:
    """The folder of this lock file's versions."""
    digest = hashlib.sha256(b"".join((LOCKED / name).read_bytes() for name in FILES))
    return cache() / digest.hexdigest()[:16]


def programs() -> Path:
    """The folder with the programs. NotInstalled when they are not there."""
    place = folder() / "node_modules" / ".bin"
    missing = [name for name in PROGRAMS if not os.access(place / name, os.X_OK)]
    if missing:
        raise NotInstalled(f"{', '.join(missing)}: not installed; python -m tools.real_agents installs them")
    os.utime(folder())
    return place


def install() -> Path:
    """Install what is missing; the folder with the programs."""
    try:
        return programs()
    except NotInstalled:
        pass
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise NotInstalled("the real agents are only pinned for Linux on x86-64")
    npm = shutil.which("npm")
    if npm is None:
        raise NotInstalled("npm is missing: install Node.js 20 or later")
    cache().mkdir(parents=True, exist_ok=True)
    with _only_one():
        if not folder().is_dir():
            _install(npm)
    _remove_unused()
    return programs()


def _install(npm: str) -> None:
    making = folder().with_suffix(".new")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    for name in FILES:
        shutil.copy(LOCKED / name, making / name)
    words = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = subprocess.run(words, cwd=making, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"npm ci did not end within {SECONDS} seconds") from None
    if done.returncode:
        raise NotInstalled("npm ci failed: " + (done.stderr or done.stdout).strip()[-1500:])
    for name, target in LINKS.items():
        link = making / "node_modules" / ".bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(Path("..") / target)
    making.rename(folder())


def _remove_unused() -> None:
    oldest = time.time() - UNUSED_DAYS * 86400
    for other in cache().iterdir():
        if other.is_dir() and other.stat().st_mtime < oldest:
            shutil.rmtree(other, ignore_errors=True)


@contextmanager
def _only_one() -> Iterator[None]:
    with (cache() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    """The command line."""
    try:
        place = programs() if "--check" in sys.argv[1:] else install()
    except NotInstalled as missing:
        print(f"real agents: {missing}", file=sys.stderr)
        return 1
    print(place)
    return 0


if __name__ == "__main__":
    sys.exit(main())
