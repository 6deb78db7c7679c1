"""Takes what looks like a key or a password out of texts that leave the server to be passed on."""

from __future__ import annotations

import re
from typing import Final

SHOWN: Final = "***"
_KEYS: Final = re.compile(
    r"-----BEGIN (?P<kind>[A-Z ]{0,30}PRIVATE KEY)-----.{0,20000}?-----END (?P=kind)-----"
    r"|\bsk-[A-Za-z0-9_-]{20,}"
    r"|\bgh[opsur]_[A-Za-z0-9]{30,}|\bgithub_pat_[A-Za-z0-9_]{30,}|\bglpat-[A-Za-z0-9_-]{20,}"
    r"|\bxox[abeprs]-[A-Za-z0-9-]{10,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[A-Za-z0-9_-]{35}"
    r"|\bnpm_[A-Za-z0-9]{36}|\bpypi-[A-Za-z0-9_-]{40,}"
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/-]{16,}=*"
    r"|(?<=://)[^\s/:@\"'\\]{1,100}:[^\s/@\"'\\]{1,200}(?=@)",
    re.DOTALL,
)


_BEGIN: Final = re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?!.*-----END )", re.DOTALL)
_LONGEST_KEY: Final = 20_000


def settled(text: str) -> int:
    """How much of a text that goes on can be masked by itself: up to a private key that has not ended yet."""
    found = _BEGIN.search(text, max(len(text) - _LONGEST_KEY, 0))
    return found.start() if found else len(text)


def masked(text: str) -> tuple[str, int]:
    """The text with `***` in place of each key whose shape is known, and how many there were.

    Private keys, keys of model providers, forges, chats, clouds and registries, bearer tokens, and names with
    passwords in addresses. A text that is JSON stays JSON.
    """
    return _KEYS.subn(SHOWN, text)
