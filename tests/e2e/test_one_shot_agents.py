"""An agent's program that is started once for each prompt: found on PATH, run in its sandbox with its own HOME (SW-4f)."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.server import KillableServer
from tests.e2e.test_agents import Bench, git

PROGRAM = """#!{python}
import json, os, pathlib, sys
import my_library
if sys.argv[1:] == ["--version"]:
    print("9.8.7")
    raise SystemExit
def tell(**line): print(json.dumps(line), flush=True)
memory = pathlib.Path.home() / "sessions.txt"
settings = json.loads((pathlib.Path.home() / ".gemini" / "settings.json").read_text())
tell(type="init", session_id="ses-1", model="m")
known = memory.read_text() if memory.exists() else ""
memory.write_text(known + sys.argv[1] + "\\n")
resumed = [word for word in sys.argv if word.startswith("--resume=")]
pathlib.Path("said.txt").write_text(known + sys.argv[1])
pathlib.Path("resumed.txt").write_text("".join(resumed))
tell(type="message", role="assistant", content="turn %d of %s" % (known.count("--prompt") + 1, my_library.NAME), delta=True)
tell(type="result", status="success", stats={{"input_tokens": 10, "output_tokens": 2, "total_tokens": 12}})
"""


@pytest.fixture
async def bench(server: KillableServer, tmp_path: Path) -> AsyncIterator[Bench]:
    """A server that finds a program of this name, installed in a virtual environment of its own."""
    place = tmp_path / "tool"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    library = next(place.glob("lib/python*/site-packages")) / "my_library.py"
    library.write_text("NAME = 'the library'\n")
    program = place / "bin" / "gemini"
    program.write_text(PROGRAM.format(python=place / "bin" / "python"))
    program.chmod(0o755)
    server.arguments = ()
    server.environ |= {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}", "GEMINI_API_KEY": "k"}
    await server.start()
    made = Bench(server)
    yield made
    await made.client.close()


async def test_it_is_found_runs_with_its_library_and_goes_on_with_its_session(bench: Bench) -> None:
    """SW-4f, SQ-9, SQ-11: each turn is a process of its own, in the same session and with the same HOME."""
    ident = await bench.submit(
        payload={"agent": "gemini", "agent_options": {}, "model": "m"},
        acceptance_command="test -s resumed.txt",
        max_test_fix_cycles=1,
    )
    task = await bench.ended(ident, timeout=30)
    assert (task["state"], task["output"]) == ("succeeded", "turn 2 of the library")
    said = git(bench.repository, "show", f"muster/{ident}:said.txt")
    assert said.startswith("--prompt=do it")
    assert git(bench.repository, "show", f"muster/{ident}:resumed.txt") == "--resume=ses-1"
    assert task["attempt"]["run"]["session"] == "ses-1"
    agents = bench.server.muster("agents", "detect").stdout
    assert "9.8.7" in agents
