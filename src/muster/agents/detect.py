"""Which agents are installed on this host, in which version, and whether they are signed in."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muster.agents.adapter import Profile
from muster.agents.registry import ADAPTERS

VERSION_SECONDS: Final = 10.0
_VERSION: Final = re.compile(r"\d+\.\d+(?:[\w.+-]*\w)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """An agent as it is here. `sign_in` names the variable or file that signs it in, never its value."""

    profile: Profile
    path: Path | None = None
    version: str = ""
    sign_in: str = ""
    problem: str = ""

    @property
    def installed(self) -> bool:
        """Whether it can be started."""
        return not self.problem

    @property
    def usable(self) -> bool:
        """Whether it can be started and reach its model by itself."""
        return self.installed and (bool(self.sign_in) or not self.profile.key_variables)


async def detect(environ: Mapping[str, str], home: Path, folders: Sequence[Path] = ()) -> list[Detected]:
    """Look for every known agent on PATH and in `folders`, all at once. Programs that hang are given up on.

    A program that several agents share is asked once.
    """
    path = os.pathsep.join([*map(str, folders), environ.get("PATH", "")])
    profiles = [adapter.profile for adapter in ADAPTERS]
    asked = {profile.name: _question(profile, path) for profile in profiles}
    questions = list(dict.fromkeys(question for question in asked.values() if question))
    answers = await asyncio.gather(*(_answer(question, environ, path) for question in questions))
    known = dict(zip(questions, answers, strict=True))
    return [
        _detected(profile, asked[profile.name], known, _sign_in(profile, environ, home))
        for profile in profiles
    ]


def _question(profile: Profile, path: str) -> tuple[str, ...]:
    """The command line that tells the version of what is found; empty where nothing is."""
    found = next((place for name in profile.programs if (place := shutil.which(name, path=path))), None)
    return () if found is None else (found, *profile.version)


async def _answer(question: Sequence[str], environ: Mapping[str, str], path: str) -> str | Exception:
    try:
        return await _version(question, environ, path)
    except (OSError, TimeoutError) as error:
        return error


def _detected(
    profile: Profile,
    question: tuple[str, ...],
    known: Mapping[tuple[str, ...], str | Exception],
    sign_in: str,
) -> Detected:
    if not profile.programs:
        version = "shipped" if profile.driver == "shipped" else ""
        return Detected(profile=profile, sign_in=sign_in, version=version)
    if not question:
        return Detected(profile=profile, sign_in=sign_in, problem=f"{profile.programs[0]} is not on PATH")
    path, told = Path(question[0]), known[question]
    if isinstance(told, Exception):
        words = "did not tell its version" if isinstance(told, TimeoutError) else str(told)
        return Detected(profile=profile, path=path, sign_in=sign_in, problem=f"{path}: {words}")
    return Detected(profile=profile, path=path, version=told, sign_in=sign_in)


async def _version(argv: Sequence[str], environ: Mapping[str, str], path: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**environ, "PATH": path},
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(VERSION_SECONDS):
            told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    match = _VERSION.search(told.decode("utf-8", "replace"))
    return match[0] if match else ""


def _sign_in(profile: Profile, environ: Mapping[str, str], home: Path) -> str:
    for name in profile.key_variables:
        if environ.get(name):
            return name
    return next((f"~/{file}" for file in profile.sign_in_files if (home / file).is_file()), "")
