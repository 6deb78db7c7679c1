"""The index itself: walks the configured folders, keeps what it found in memory, finds and searches it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Final

from muster.domain.errors import NotFound
from muster.domain.script import Script, ScriptProblem
from muster.domain.task import TaskKind
from muster.scripts.header import BadHeader, parse_header

HEADER_BYTES: Final = 16_384
MAX_FILES: Final = 20_000
_SKIPPED: Final = frozenset({"__pycache__", "node_modules", "venv"})
_SUFFIXES: Final = MappingProxyType({".sh": TaskKind.BASH, ".bash": TaskKind.BASH, ".py": TaskKind.PYTHON})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one walk of the folders found."""

    scripts: Mapping[str, Script] = field(default_factory=lambda: MappingProxyType[str, Script]({}))
    problems: tuple[ScriptProblem, ...] = ()


class ScriptIndex:
    """Scripts by name. `reload` replaces the whole index at once: readers see the old one or the new one."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(folders)
        self._snapshot = Snapshot()

    def reload(self) -> Snapshot:
        """Walk the folders again. Never fails: what cannot be used is among the problems."""
        self._snapshot = scan(self.folders)
        return self._snapshot

    @property
    def problems(self) -> tuple[ScriptProblem, ...]:
        """Files whose header could not be used, and why."""
        return self._snapshot.problems

    def get(self, name: str) -> Script:
        """The script of that name; NotFound, with the nearest name, when there is none."""
        scripts = self._snapshot.scripts
        if name in scripts:
            return scripts[name]
        close = get_close_matches(name, list(scripts), n=1)
        hint = f" Did you mean {close[0]}?" if close else " 'muster scripts' lists them."
        raise NotFound(f"There is no script {name[:100]}.{hint}", noun="script", id=name[:100])

    def search(self, text: str = "", *, tag: str | None = None) -> list[Script]:
        """Scripts, by name, whose name, description or tags hold every word of `text`, and that have `tag`."""
        words = text.lower().split()
        found = (
            script
            for script in self._snapshot.scripts.values()
            if (tag is None or tag in script.tags) and all(word in _searchable(script) for word in words)
        )
        return sorted(found, key=lambda script: script.name)


def _searchable(script: Script) -> str:
    return " ".join([script.name, script.description, *script.tags]).lower()


def scan(folders: Sequence[Path]) -> Snapshot:
    """Read all scripts below `folders`. Of two of one name the first path wins and the other is a problem."""
    scripts: dict[str, Script] = {}
    problems: list[ScriptProblem] = []
    for path in _candidates(folders, problems):
        script = _read(path, problems)
        if script is None:
            continue
        if script.name in scripts:
            first = scripts[script.name].path
            problems.append(
                ScriptProblem(
                    path=str(path), message=f"{script.name} is the name of {first} too, and that one is used"
                )
            )
        else:
            scripts[script.name] = script
    return Snapshot(MappingProxyType(scripts), tuple(problems))


def _candidates(folders: Sequence[Path], problems: list[ScriptProblem]) -> Iterator[Path]:
    """Files to look into, each once, in the order of their paths; links that leave their folder are problems."""
    seen: set[Path] = set()
    for folder in folders:
        root = Path(os.path.realpath(folder))
        if not root.is_dir():
            if folder.exists():
                problems.append(ScriptProblem(path=str(folder), message="is not a folder"))
            continue
        for path in _files(root, problems):
            real = Path(os.path.realpath(path))
            if not real.is_relative_to(root):
                problems.append(
                    ScriptProblem(path=str(path), message=f"is a link out of {root} and was not read")
                )
            elif real not in seen:
                seen.add(real)
                if len(seen) > MAX_FILES:
                    problems.append(ScriptProblem(path=str(root), message=f"has more than {MAX_FILES} files"))
                    return
                yield path


def _files(root: Path, problems: list[ScriptProblem]) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        problems.append(ScriptProblem(path=str(error.filename), message=error.strerror or "cannot be read"))

    for folder, names, files in os.walk(root, onerror=unreadable, followlinks=False):
        linked = [name for name in names if Path(folder, name).is_symlink()]
        problems.extend(
            _link_out(Path(folder, name), root) for name in linked if _leaves(Path(folder, name), root)
        )
        names[:] = sorted(
            name for name in names if not name.startswith(".") and name not in _SKIPPED and name not in linked
        )
        yield from (Path(folder, name) for name in sorted(files) if not name.startswith("."))


def _leaves(path: Path, root: Path) -> bool:
    return not Path(os.path.realpath(path)).is_relative_to(root)


def _link_out(path: Path, root: Path) -> ScriptProblem:
    return ScriptProblem(path=str(path), message=f"is a link out of {root} and was not read")


def _read(path: Path, problems: list[ScriptProblem]) -> Script | None:
    try:
        if not path.is_file() or (path.suffix and path.suffix not in _SUFFIXES):
            return None
        with path.open("rb") as file:
            head = file.read(HEADER_BYTES)
    except OSError as error:
        problems.append(ScriptProblem(path=str(path), message=f"cannot be read: {error.strerror}"))
        return None
    kind = _SUFFIXES.get(path.suffix) or _kind_of_shebang(head)
    if kind is None:
        return None
    try:
        script, warnings = parse_header(_text(head), path=str(path), kind=kind)
    except BadHeader as error:
        problems.append(ScriptProblem(path=str(path), message=error.message, line=error.line))
        return None
    problems.extend(ScriptProblem(path=str(path), message=message, line=line) for line, message in warnings)
    return script


def _text(head: bytes) -> str:
    """The head as text; a character cut in two at its end is dropped, other bytes that are no UTF-8 are replaced."""
    return head.decode("utf-8", errors="replace").removeprefix("\ufeff").replace("\x00", "\ufffd")


def _kind_of_shebang(head: bytes) -> TaskKind | None:
    first = head.split(b"\n", 1)[0]
    if not first.startswith(b"#!"):
        return None
    program = first[2:].strip().split(b" ")
    name = program[-1 if program[0].endswith(b"/env") else 0].rpartition(b"/")[2]
    if name in (b"bash", b"sh", b"dash"):
        return TaskKind.BASH
    return TaskKind.PYTHON if name.startswith(b"python") else None
