"""Fresh databases on the bench's PostgreSQL cluster."""

from __future__ import annotations

import secrets
import subprocess

from benchmarks.child import Parameters
from benchmarks.postgres import server_binaries


def fresh_database(parameters: Parameters) -> str:
    """Create an empty database; its URL."""
    name, port = f"bench_{secrets.token_hex(6)}", parameters["postgres_port"]
    subprocess.run(
        [
            server_binaries() / "psql",
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
            "-U",
            "postgres",
            "-XAqc",
            f"CREATE DATABASE {name}",
        ],
        check=True,
        capture_output=True,
    )
    return f"postgresql://postgres@127.0.0.1:{port}/{name}"
