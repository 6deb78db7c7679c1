"""Writes the generated references: `python -m tools.generate`, or `--check` to see whether they are as they should be."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tools import (
    reference_api,
    reference_cli,
    reference_configuration,
    reference_events,
    reference_mcp,
    reference_work,
)

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"

PAGES: Mapping[str, Callable[[], str]] = {
    "openapi.json": reference_api.openapi_json,
    "api.md": reference_api.api_page,
    "errors.md": reference_api.errors_page,
    "events.md": reference_events.render,
    "states.md": reference_work.states_page,
    "failure-codes.md": reference_work.failures_page,
    "waiting-reasons.md": reference_work.waiting_page,
    "mcp-tools.md": reference_mcp.tools_page,
    "cli.md": reference_cli.render,
    "configuration.md": reference_configuration.render,
}


def main() -> int:
    """Write or check all pages; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail when a page is out of date"
    )
    check = parser.parse_args().check
    stale: list[str] = []
    for name, make in PAGES.items():
        path, text = REFERENCE / name, make()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        print(
            ("out of date: " if check else "written: ") + ", ".join(stale) + (" (make gen)" if check else "")
        )
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
