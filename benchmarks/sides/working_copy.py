"""A working copy of a large repository: ready, asked for its status, its work kept, removed."""

from __future__ import annotations

import asyncio
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.child import Answer, NotRun, Parameters, answer, fresh_directory, run_side

FOLDERS = 500
LINES = 20


@contextmanager
def large_repository(directory: Path, parameters: Parameters) -> Iterator[Parameters]:
    """A repository of many small text files, made by `git fast-import`."""
    place = directory / "large"
    subprocess.run(["git", "init", "-q", "-b", "main", str(place)], check=True)
    parts = [b"commit refs/heads/main\ncommitter Ann <ann@example.org> 0 +0000\ndata 4\nmany\n"]
    for number in range(parameters["files"]):
        text = "".join(
            f"line {line} of file {number}, like a source file\n" for line in range(LINES)
        ).encode()
        name = f"src/package{number % FOLDERS}/module{number}.py"
        parts.append(b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(text), text))
    subprocess.run(["git", "fast-import", "--quiet"], cwd=place, input=b"".join(parts), check=True)
    yield {"repository": str(place)}


def _git(place: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=place, check=True, capture_output=True, text=True)
    return done.stdout


def _check(tree: Path, parameters: Parameters) -> float:
    """Everything is there and git finds nothing changed; the seconds of that first status."""
    began = time.perf_counter()
    told = _git(tree, "status", "--porcelain")
    spent = time.perf_counter() - began
    files = sum(1 for path in (tree / "src").glob("*/*") if path.is_file())
    if told or files != parameters["files"]:
        raise RuntimeError(f"{files} files, and git says {told[:200]!r}")
    return spent


def _answer(figures: dict[str, list[float]], **words: str) -> Answer:
    return answer(
        {f"{name}_ms": statistics.median(values) * 1000 for name, values in figures.items()}, **words
    )


def _plain(parameters: Parameters) -> Answer:
    main, place = Path(parameters["repository"]), fresh_directory(parameters)
    found: dict[str, list[float]] = {"ready": [], "status": [], "gone": []}
    for number in range(parameters["copies"]):
        tree = place / f"copy{number}"
        began = time.perf_counter()
        _git(main, "worktree", "add", "--quiet", "-b", f"{place.name}-{number}", str(tree))
        found["ready"].append(time.perf_counter() - began)
        found["status"].append(_check(tree, parameters))
        began = time.perf_counter()
        _git(main, "worktree", "remove", "--force", str(tree))
        found["gone"].append(time.perf_counter() - began)
    return _answer(found, subject=_git(main, "version").strip())


async def _own(parameters: Parameters) -> Answer:
    from muster.vcs.bases import Bases
    from muster.vcs.checkout import Identity, open_checkout, take_in
    from muster.worker.workspace import Workspace

    main, place = Path(parameters["repository"]) / ".git", fresh_directory(parameters)
    bases, identity = Bases(place / "bases"), Identity(name="bench", email="bench@example.org")
    if await bases.way() == "checkout":
        raise NotRun(
            "neither overlay mounts nor reflinks work here: copies are made as git worktree add does"
        )
    began = time.perf_counter()
    await bases.near(main, _git(main, "rev-parse", "HEAD").strip())
    first = time.perf_counter() - began
    found: dict[str, list[float]] = {"ready": [], "status": [], "kept": [], "gone": []}
    for number in range(parameters["copies"]):
        folder = place / f"attempt{number}"
        folder.mkdir()
        began = time.perf_counter()
        made = await open_checkout(
            main, folder, task=f"t{number}", attempt=f"a{number}", base=None, identity=identity, bases=bases
        )
        found["ready"].append(time.perf_counter() - began)
        found["status"].append(_check(made.tree, parameters))
        (made.tree / "new.txt").write_text("new\n")
        began = time.perf_counter()
        if await take_in(made, folder / "none", "kept", identity) == made.base_commit:
            raise RuntimeError("nothing was kept")
        found["kept"].append(time.perf_counter() - began)
        began = time.perf_counter()
        await asyncio.to_thread(Workspace(folder).remove)
        found["gone"].append(time.perf_counter() - began)
    note = f"{made.way}; the kept checkout below it is made once, here in {first:.1f} s"
    shutil.rmtree(place / "bases")
    return _answer(found, subject=f"muster, {made.way}", note=note)


def measure(parameters: Parameters) -> Answer:
    """Milliseconds until a copy is ready, until its first status, and until it is gone: medians."""
    if parameters["way"] == "muster":
        return asyncio.run(_own(parameters))
    return _plain(parameters)


if __name__ == "__main__":
    run_side(measure)
