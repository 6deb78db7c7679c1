"""Keeping what a crashed worker's attempts left in their working copies."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Final

from muster.vcs.checkout import BRANCHES, Checkout, Identity, publish, take_in
from muster.vcs.git import GitError

log = logging.getLogger(__name__)

RECORD: Final = "checkout.json"


def write_record(folder: Path, checkout: Checkout, identity: Identity) -> None:
    """Write down beside a working copy what it is, for whoever finds it after a crash."""
    known = {name: str(value) for name, value in asdict(checkout).items() if value is not None}
    (folder / RECORD).write_text(json.dumps({"checkout": known, "identity": asdict(identity)}))


def forget_record(folder: Path) -> None:
    """What lies in the working copy is kept: there is nothing to rescue."""
    (folder / RECORD).unlink(missing_ok=True)


def read_record(folder: Path) -> tuple[Checkout, Identity] | None:
    """The working copy in a folder; None when there is none, or it was never finished."""
    try:
        found = json.loads((folder / RECORD).read_text())
        known = found["checkout"]
        return Checkout(
            main=Path(known["main"]),
            tree=Path(known["tree"]),
            git_dir=Path(known["git_dir"]),
            branch=known["branch"],
            attempt=known["attempt"],
            base_commit=known["base_commit"],
            way=known.get("way", "checkout"),
            lower=Path(known["lower"]) if "lower" in known else None,
            target=known.get("target"),
            told_from=known.get("told_from"),
        ), Identity(**found["identity"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _mount_again(checkout: Checkout) -> None:
    """After a restart of the machine its mounts are gone, and what lay in them is not to be seen."""
    overlay = checkout.overlay
    if overlay is None or overlay.mounted:
        return
    try:
        overlay.mount()
    except OSError as error:
        raise GitError(verb="mount", problem=f"its overlay is gone ({error.strerror})") from error


async def rescue(folder: Path) -> str | None:
    """Commit and publish what lies in a working copy that nobody works in any more; the branch, None when nothing changed.

    The files are what they were when the worker died. Commits the agent made itself are not read, as no sandbox is
    there to read them in: their content is in the files.
    """
    found = read_record(folder)
    if found is None:
        return None
    checkout, identity = found
    _mount_again(checkout)
    try:
        task = checkout.branch.removeprefix(BRANCHES)
        words = f"Rescued after a crash\n\nMuster-Task: {task}\nMuster-Attempt: {checkout.attempt}\n"
        commit = await take_in(checkout, folder / "none.bundle", words, identity)
        if commit == checkout.base_commit:
            return None
        branch = await publish(checkout, commit)
    except GitError as error:
        log.error("%s: what it left could not be kept: %s", folder.name, error.message)
        raise
    log.warning("%s: what it left is kept on %s", folder.name, branch)
    return branch
