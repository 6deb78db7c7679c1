"""What is found on a host, and that nothing there can hold it up."""

from __future__ import annotations

from pathlib import Path

from muster.agents.detect import Detected, detect


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


async def found(folder: Path, home: Path, **environ: str) -> dict[str, Detected]:
    path = f"{folder}:/usr/bin:/bin"
    return {entry.profile.name: entry for entry in await detect({"PATH": path} | environ, home)}


async def test_programs_versions_and_sign_ins_are_found(tmp_path: Path) -> None:
    """SW-4f"""
    asked = tmp_path / "asked"
    program(tmp_path, "gemini", f"echo x >> {asked}; echo 0.61.0")
    program(tmp_path, "mini", "echo 'This is mini-swe-agent version 2.4.6.'")
    program(tmp_path, "qwen", "exit 3")
    home = tmp_path / "home"
    (home / ".gemini").mkdir(parents=True)
    (home / ".gemini" / "oauth_creds.json").write_text("{}")
    entries = await found(tmp_path, home, OPENAI_API_KEY="sk-1")
    gemini, mini = entries["gemini"], entries["mini"]
    assert (gemini.version, gemini.sign_in, gemini.installed) == (
        "0.61.0",
        "~/.gemini/oauth_creds.json",
        True,
    )
    assert (mini.version, mini.sign_in) == ("2.4.6", "OPENAI_API_KEY")
    assert entries["gemini-acp"].version == "0.61.0"
    assert asked.read_text() == "x\n"
    assert (entries["qwen"].installed, entries["qwen"].version) == (True, "")
    assert entries["aider"].problem == "aider is not on PATH"


async def test_what_ships_with_muster_is_always_there(tmp_path: Path) -> None:
    entries = await found(tmp_path, tmp_path)
    for name in ("model", "http", "scripted"):
        assert (entries[name].version, entries[name].installed) == ("shipped", True)


async def test_a_program_that_cannot_be_started_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / "aider").write_text("#!/no/such/interpreter\n")
    (tmp_path / "aider").chmod(0o755)
    entries = await found(tmp_path, tmp_path)
    assert not entries["aider"].installed
    assert str(tmp_path / "aider") in entries["aider"].problem
