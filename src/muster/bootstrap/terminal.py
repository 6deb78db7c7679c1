"""What the environment says about the terminal."""

from __future__ import annotations

import os


def wants_plain_text() -> bool:
    """Whether colours and drawing are unwanted: NO_COLOR is set, or the terminal cannot."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
