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
_VERSION: Final = re.compile(r"\d+\.\d+[\w.+-]*")


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
    """Look for every known agent on PATH and in `folders`, all at once. Programs that hang are given up on."""
    path = os.pathsep.join([*map(str, folders), environ.get("PATH", "")])
    return list(await asyncio.gather(*(_look(adapter.profile, environ, home, path) for adapter in ADAPTERS)))


async def _look(profile: Profile, environ: Mapping[str, str], home: Path, path: str) -> Detected:
    sign_in = _sign_in(profile, environ, home)
    if not profile.programs:
        return Detected(
            profile=profile, sign_in=sign_in, version="shipped" if profile.driver == "shipped" else ""
        )
    found = next((place for name in profile.programs if (place := shutil.which(name, path=path))), None)
    if found is None:
        return Detected(profile=profile, sign_in=sign_in, problem=f"{profile.programs[0]} is not on PATH")
    try:
        version = await _version([found, *profile.version], environ, path)
    except (OSError, TimeoutError) as error:
        words = "did not tell its version" if isinstance(error, TimeoutError) else str(error)
        return Detected(profile=profile, path=Path(found), sign_in=sign_in, problem=f"{found}: {words}")
    return Detected(profile=profile, path=Path(found), version=version, sign_in=sign_in)


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
