"""Running git on the host, on repositories and working copies that need not be trusted.

An agent has written the working copy: nothing in it may run a program here. So git is always told
its repository (never found by looking for `.git`), reads no configuration of the machine or the
user, runs no hooks, and is not asked about submodules.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muster.domain.errors import MusterError

SECONDS: Final = 120.0
COMPLAINT: Final = 2_000
_SAFE: Final = (
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.untrackedCache=false"),
    *("-c", "protocol.ext.allow=never"),
    *("-c", "submodule.recurse=false"),
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
    *("-c", "advice.detachedHead=false"),
    *("-c", "safe.directory=*"),
    *("-c", "commit.gpgSign=false"),
    *("-c", "core.quotePath=false"),
)
_ENVIRONMENT: Final = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ASKPASS": "/bin/false",
    "GIT_EDITOR": "/bin/false",
    "GIT_ATTR_NOSYSTEM": "1",
    "LC_ALL": "C.UTF-8",
    "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin",
    "HOME": "/nonexistent",
}


class GitError(MusterError):
    """git {verb} failed: {problem}"""

    code = "workdir_missing"


async def git(
    *args: str,
    git_dir: Path | None = None,
    work_tree: Path | None = None,
    index: Path | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    seconds: float = SECONDS,
    user: Mapping[str, str] | None = None,
    accepted: Sequence[int] = (0,),
) -> bytes:
    """What git prints. GitError with what it complained of, also when it takes longer than `seconds`.

    `accepted` are the statuses that are answers and no failures.

    `user` is the environment of a call that is to sign in as the user, with their configuration.
    """
    environment = {**(_ENVIRONMENT if user is None else user), **(env or {})}
    places = (("GIT_DIR", git_dir), ("GIT_WORK_TREE", work_tree), ("GIT_INDEX_FILE", index))
    environment |= {name: str(place) for name, place in places if place is not None}
    process = await asyncio.create_subprocess_exec(
        "git",
        *_SAFE,
        *args,
        cwd=cwd or git_dir or "/",
        env=environment,
        stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds):
            told, complaint = await process.communicate(stdin)
    except TimeoutError:
        raise GitError(verb=args[0], problem=f"it took longer than {seconds:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode not in accepted:
        words = complaint.decode("utf-8", "replace").strip()[-COMPLAINT:] or f"status {process.returncode}"
        raise GitError(verb=args[0], problem=words)
    return told


async def line(*args: str, git_dir: Path) -> str:
    """The one line that git prints."""
    return (await git(*args, git_dir=git_dir)).decode("utf-8", "replace").strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """`git_dir` is that of the working copy, `main` the one that all working copies share; a bare one has no `top`."""

    git_dir: Path
    main: Path
    top: Path | None


async def repository_of(folder: Path) -> Repository | None:
    """The repository that `folder` belongs to; None when it is in none. The folder is the user's own."""
    place = await asyncio.to_thread(folder.resolve)
    asked = ("--absolute-git-dir", "--git-common-dir", "--is-inside-work-tree", "--show-prefix")
    try:
        told = await git("rev-parse", *asked, cwd=place)
    except GitError:
        return None
    own, common, has_files, prefix = told.decode("utf-8", "surrogateescape").split("\n")[:4]
    top = place.parents[prefix.count("/") - 1] if prefix else place
    return Repository(
        git_dir=Path(own), main=(place / common).resolve(), top=top if has_files == "true" else None
    )


async def commit_of(git_dir: Path, name: str | None) -> str:
    """The full id of the commit that a branch, tag or id names; HEAD's without a name. GitError when there is none."""
    wanted = name or "HEAD"
    if wanted.startswith("-"):
        raise GitError(verb="rev-parse", problem=f"{wanted[:60]!r} names no commit")
    return await line(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{wanted}^{{commit}}", git_dir=git_dir
    )


def paths(values: Sequence[bytes]) -> list[str]:
    """Names as git gives them with -z; what is not UTF-8 shows as replacement characters."""
    return [value.decode("utf-8", "replace") for value in values]
