"""Read-only folders of the host as a disk for virtual machines, made once for as long as they stay the same."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from muster.sandboxes.folders import remove_tree
from muster.sandboxes.guest_image import copy_into, make_filesystem
from muster.sandboxes.guest_tree import scan

KEPT: Final = 8


def shared_disk(folder: Path, places: Sequence[Path], hidden: Sequence[Path]) -> Path:
    """A file with the places below it as `0`, `1` and so on, without what is hidden. Blocks; seconds where it is new."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    disk = folder / f"{_stamp(places, hidden)}.ext4"
    if disk.is_file():
        os.utime(disk)
        return disk
    with tempfile.TemporaryDirectory(dir=folder, prefix="new-") as making:
        stage = Path(making) / "stage"
        stage.mkdir(mode=0o755)
        for number, place in enumerate(places):
            copy_into(place, stage / str(number))
            for path in hidden:
                if path != place and path.is_relative_to(place):
                    remove_tree(stage / str(number) / path.relative_to(place))
                    (stage / str(number) / path.relative_to(place)).mkdir()
        made = folder / f"new-{secrets.token_hex(6)}"
        make_filesystem(made, stage)
        made.replace(disk)
        remove_tree(stage)
    for old in sorted(folder.glob("*.ext4"), key=lambda file: file.stat().st_mtime)[:-KEPT]:
        old.unlink(missing_ok=True)
    return disk


def _stamp(places: Sequence[Path], hidden: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for place in places:
        without = [str(path.relative_to(place)) for path in hidden if path.is_relative_to(place)]
        digest.update(f"{place}\0{without}\0".encode(errors="surrogateescape"))
        found = scan(str(place), without) if place.is_dir() else {"": place.stat()}
        for path, about in sorted(found.items()):
            digest.update(
                f"{path}\0{about.st_mode}\0{about.st_size}\0{about.st_mtime_ns}\n".encode(
                    errors="surrogateescape"
                )
            )
    return digest.hexdigest()[:24]
