"""What goes into the bundle of an attempt, and under which names: safe wherever it is unpacked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from muster.domain.risk_places import is_secret

MOST_FILES: Final = 10_000
"""Changed files whose contents are put in."""
MOST_BYTES: Final = 256 * 1_048_576
"""Of contents of changed files together, before they are compressed."""
MOST_LINES: Final = 1_000_000
"""Of output."""
_LONGEST: Final = 200
_BAD: Final = re.compile(r"[\x00-\x1f\x7f<>:\"|?*\\\u202a-\u202e\u2066-\u2069]|[. ]+\Z")
_DEVICES: Final = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|\Z)", re.IGNORECASE)
_EXAMPLES: Final = (".env.example", ".env.sample", ".env.template")


def member_of(path: str) -> str:
    """A path as the name of a member of an archive: below the folder it is unpacked into, on every system.

    No root, no drive, no `..`, nothing a shell or Windows would take for something else, no folder of git's own.
    """
    parts = [part for part in path.replace("\\", "/").split("/") if part not in {"", ".", ".."}]
    return "/".join(_part(part) for part in parts) or "_"


def _part(part: str) -> str:
    safe = _BAD.sub("_", part)
    if safe.casefold() == ".git" or _DEVICES.match(safe):
        safe = f"_{safe}"
    while len(safe.encode("utf-8", "replace")) > _LONGEST:
        safe = safe[: min(len(safe) - 1, _LONGEST)]
    return safe.encode("utf-8", "replace").decode()


@dataclass(slots=True)
class Names:
    """Gives each path a name that no other has, on systems too that do not tell `A` from `a`."""

    taken: set[str] = field(default_factory=set[str])

    def of(self, path: str) -> str:
        """The name of a path; called once for each."""
        wanted = name = member_of(path)
        number = 1
        while name.casefold() in self.taken:
            number += 1
            name = f"{wanted}.{number}"
        self.taken.add(name.casefold())
        return name


def holds_secrets(path: str) -> bool:
    """Whether a file of this name usually holds keys or passwords, so that its contents are left out."""
    name = path.rsplit("/", 1)[-1].casefold()
    if name in _EXAMPLES:
        return False
    return is_secret(path.casefold()) or name.startswith(".env.")
