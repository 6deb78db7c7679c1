"""Remotes, and pushing to them: outside of any sandbox, as the user who started the worker.

The push is made from the attempt's own git directory, not from the user's repository: what stands in that
one's configuration (an agent at work in place may have written it) starts no program here. Signing in is up to
the user's global configuration, ssh agent and credential helpers. Nothing ever prompts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from muster.vcs.checkout import KEPT, Checkout
from muster.vcs.forge import PushRefused, RemoteMissing
from muster.vcs.git import GitError, git, line

SECONDS: Final = 300.0
SCHEMES: Final = ("https", "http", "ssh", "git+ssh", "file")
_SCP: Final = re.compile(r"(?:[\w.+-]+@)?(?P<host>[\w.-]+|\[[0-9a-fA-F:]+\]):(?P<path>[^:].*)\Z")
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s]+@")
_UNATTENDED: Final = {
    "GIT_TERMINAL_PROMPT": "0",
    "GCM_INTERACTIVE": "never",
    "SSH_ASKPASS_REQUIRE": "force",
    "LC_ALL": "C.UTF-8",
}
_NO_ANSWER: Final = {"GIT_ASKPASS": "/bin/false", "SSH_ASKPASS": "/bin/false"}
_NOT_OURS: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")
_RECEIVE: Final = "git -c core.hooksPath=/dev/null -c core.alternateRefsCommand=true receive-pack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A remote of the user's repository. `host` and `project` are empty for a folder."""

    name: str
    host: str
    project: str
    push_url: str = field(repr=False)

    @property
    def shown(self) -> str:
        """Its URL without credentials."""
        return without_credentials(self.push_url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """`commit` is on the remote's `branch` now; `heads` are the branches it had before."""

    branch: str
    commit: str
    heads: Mapping[str, str]


def without_credentials(text: str) -> str:
    """Text in which no URL names a user or a password."""
    return _CREDENTIALS.sub("", text)


async def remote_of(main: Path, name: str) -> Remote:
    """A remote by its name. RemoteMissing."""
    urls = await _configured(main, f"remote.{name}.url")
    pushed = await _configured(main, f"remote.{name}.pushurl") or urls
    if not pushed:
        raise RemoteMissing(problem=f"the repository {main} has no remote {name!r}")
    host, project = place_of((urls or pushed)[0])
    if len(pushed) > 1:
        raise RemoteMissing(problem=f"remote {name!r} has several push URLs; name one that has one")
    if not _usable(pushed[0]):
        shown = without_credentials(pushed[0])
        raise RemoteMissing(problem=f"remote {name!r} has a URL that muster does not push to: {shown}")
    return Remote(name=name, host=host, project=project, push_url=pushed[0])


async def _configured(main: Path, key: str) -> list[str]:
    try:
        told = await git("config", "--local", "--get-all", key, git_dir=main)
    except GitError:
        return []
    return told.decode("utf-8", "surrogateescape").splitlines()


def _usable(url: str) -> bool:
    if url.startswith("-") or "::" in url.split("/", maxsplit=1)[0]:
        return False
    return url.split("://", maxsplit=1)[0] in SCHEMES if "://" in url else True


def place_of(url: str) -> tuple[str, str]:
    """Host and project of a URL: `https://host:8443/owner/name.git`, `git@host:owner/name`. Empty for a folder."""
    if "://" in url:
        parts = urlsplit(url)
        web = parts.scheme in ("http", "https")
        host = (parts.hostname or "") + (f":{parts.port}" if web and parts.port else "")
        path = parts.path if parts.scheme != "file" else ""
        host = host if parts.scheme != "file" else ""
    else:
        match = None if url.startswith(("/", ".")) else _SCP.match(url)
        host, path = (match["host"], match["path"]) if match else ("", "")
    return host.lower(), unquote(path).strip("/").removesuffix(".git").strip("/")


async def push(checkout: Checkout, remote: Remote, commit: str, user: Mapping[str, str]) -> Pushed:
    """Put a commit on the remote as the task's branch. PushRefused, also where somebody else has written to that branch.

    `user` is the environment that git signs in with.
    """
    branch = f"refs/heads/{checkout.branch}"
    heads = await _heads(checkout, remote, user)
    before = heads.get(checkout.branch, "")
    if before != commit:
        if before and not await _ours(checkout, before, commit):
            raise PushRefused(
                remote=remote.shown,
                problem=f"{checkout.branch} has commits there that are not muster's ({before[:12]}); nothing was overwritten",
            )
        await _as_user(
            checkout,
            remote,
            user,
            *(
                "push",
                "--quiet",
                "--no-verify",
                f"--receive-pack={_RECEIVE}" if not remote.host else "--quiet",
            ),
            *(f"--force-with-lease={branch}:{before}", remote.push_url, f"{commit}:{branch}"),
        )
    return Pushed(branch=checkout.branch, commit=commit, heads=heads)


async def _heads(checkout: Checkout, remote: Remote, user: Mapping[str, str]) -> dict[str, str]:
    told = await _as_user(checkout, remote, user, "ls-remote", "--heads", remote.push_url)
    pairs = (entry.split("\t", 1) for entry in told.splitlines() if "\t" in entry)
    return {name.removeprefix("refs/heads/"): commit for commit, name in pairs}


async def _ours(checkout: Checkout, before: str, commit: str) -> bool:
    """Whether what lies on the remote's branch is an earlier attempt's, or below what is pushed."""
    told = await line("for-each-ref", "--format=%(objectname)", KEPT, git_dir=checkout.main)
    if before in told.splitlines():
        return True
    try:
        await git("merge-base", "--is-ancestor", before, commit, git_dir=checkout.git_dir)
    except GitError:
        return False
    return True


async def _as_user(checkout: Checkout, remote: Remote, user: Mapping[str, str], *args: str) -> str:
    try:
        told = await git(*args, git_dir=checkout.git_dir, seconds=SECONDS, user=as_user(user))
    except GitError as error:
        problem = without_credentials(str(error.details.get("problem", error.message)))
        raise PushRefused(remote=remote.shown, problem=problem) from error
    return told.decode("utf-8", "surrogateescape")


def as_user(user: Mapping[str, str]) -> dict[str, str]:
    """The environment of a git that acts as the user, with their configuration, and never prompts."""
    environment = {name: value for name, value in user.items() if name not in _NOT_OURS}
    return {**_NO_ANSWER, **environment, **_UNATTENDED}
