"""What the tools cost those who do not use them."""

from __future__ import annotations

import subprocess
import sys


def test_the_protocols_library_is_not_loaded_before_somebody_calls() -> None:
    """It would add a third to every start of a server, and 23 MB."""
    code = (
        "import sys, muster.bootstrap.server, muster.bootstrap.worker_process, muster.cli.mcp;"
        "print(sorted(name for name in sys.modules if name == 'mcp' or name.startswith('mcp.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
