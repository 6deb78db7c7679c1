"""The folder of one attempt, and the record by which a later worker knows whether its owner lives."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2s
from pathlib import Path
from typing import Final

from muster.sandboxes.folders import remove_tree
from muster.sandboxes.sandbox import SandboxError
from muster.vcs.overlay import unmount_below
from muster.worker.identity import ProcessIdentity

RECORD: Final = "lease.json"
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class Workspace:
    """`root` is the worker's; of it programs may write `box`, and `work` where the task names no working directory."""

    root: Path

    @property
    def name(self) -> str:
        """The attempt's id."""
        return self.root.name

    @property
    def tag(self) -> str:
        """A name that no attempt of another worker on this host has, not even one of another server."""
        return f"{self.name}-{blake2s(str(self.root).encode(), digest_size=4).hexdigest()}"

    @property
    def box(self) -> Path:
        """For the script and its result file."""
        return self.root / "box"

    @property
    def work(self) -> Path:
        """A working directory that is gone afterwards."""
        return self.root / "work"

    @property
    def result_file(self) -> Path:
        """Where a script may leave its result, as JSON."""
        return self.box / "result.json"

    def write(self, files: Mapping[Path, str]) -> None:
        """Write a script's files."""
        for path, text in files.items():
            path.write_text(text, encoding="utf-8", errors="replace")

    def remove(self) -> None:
        """Remove the folder and all in it; what is mounted there is unmounted, not emptied."""
        unmount_below(self.root)
        remove_tree(self.root)


def create(folder: Path, attempt_id: str) -> Workspace:
    """A new workspace, recorded as this process's. SandboxError when it cannot be made (a full or read-only disk)."""
    if not _NAME.match(attempt_id):
        raise SandboxError(problem=f"{attempt_id[:80]!r} cannot name a folder")
    workspace = Workspace(folder / attempt_id)
    try:
        workspace.remove()
        for path in (workspace.root, workspace.box, workspace.work):
            path.mkdir(parents=True, mode=0o700)
        (workspace.root / RECORD).write_text(json.dumps(asdict(ProcessIdentity.own())))
    except OSError as error:
        raise SandboxError(problem=f"{workspace.root} cannot be written ({error.strerror})") from error
    return workspace


def owner_of(workspace: Workspace) -> ProcessIdentity | None:
    """The process that made it; None when its record is missing or broken."""
    try:
        return ProcessIdentity(**json.loads((workspace.root / RECORD).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def leftovers(folder: Path) -> list[Workspace]:
    """Workspaces whose owner is gone."""
    if not folder.is_dir():
        return []
    found = [Workspace(path) for path in sorted(folder.iterdir()) if _NAME.match(path.name)]
    return [workspace for workspace in found if not _owned(workspace)]


def _owned(workspace: Workspace) -> bool:
    owner = owner_of(workspace)
    return owner is not None and owner.alive()
