"""What a command that only checks the work leaves lying in a working copy: caches, reports. It is nobody's work.

A file is a leftover when it was not there before the command and is untracked after it, and stays one for as long as
nobody touches it. What the agent made itself, or changed since, is the agent's. What git ignores is never looked at.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from muster.vcs.checkout import TREE_SECONDS, Checkout
from muster.vcs.git import GitError, git

log = logging.getLogger(__name__)

Print = tuple[int, int]
"""When a file was written, in nanoseconds, and its size."""
GONE: Final[Print] = (-1, -1)


class Leftovers:
    """The leftovers of all checks of one attempt."""

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout
        self._left: dict[str, Print] = {}

    @asynccontextmanager
    async def noticed(self) -> AsyncGenerator[None]:
        """Around a check: what appears meanwhile is a leftover. Where git cannot tell, nothing is."""
        before = await self._lying()
        yield
        after = None if before is None else await self._lying()
        if before is None or after is None:
            return
        own = {name for name, now in before.items() if self._left.get(name) != now}
        self._left = {name: now for name, now in after.items() if name not in own}

    async def names(self) -> list[str]:
        """Those that are as the checks left them, relative to the working copy."""
        now = await asyncio.to_thread(self._prints, list(self._left))
        return [name for name, left in self._left.items() if now[name] == left]

    async def _lying(self) -> dict[str, Print] | None:
        """What is not among the files the attempt began with, and is not ignored."""
        at, tree = self._checkout.git_dir, self._checkout.tree
        try:
            told = await git(
                *("ls-files", "-z", "--others", "--exclude-standard"),
                git_dir=at,
                work_tree=tree,
                cwd=tree,
                seconds=TREE_SECONDS,
            )
        except GitError as error:
            log.warning("%s: what its check leaves cannot be told: %s", self._checkout.attempt, error.message)
            return None
        names = [os.fsdecode(name.rstrip(b"/")) for name in told.split(b"\0") if name]
        return await asyncio.to_thread(self._prints, names)

    def _prints(self, names: list[str]) -> dict[str, Print]:
        return {name: self._print(name) for name in names}

    def _print(self, name: str) -> Print:
        try:
            found = os.lstat(self._checkout.tree / name)
        except OSError:
            return GONE
        return found.st_mtime_ns, found.st_size
