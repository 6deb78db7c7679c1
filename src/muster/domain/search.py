"""Words of a text as full-text search knows them, the same for both databases."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+")
PREFIX_FROM: Final = 3
MAX_TERMS: Final = 12
MAX_WORD: Final = 64
MAX_INDEXED: Final = 20_000


def words_of(text: str) -> list[str]:
    """Letters and digits in runs, without case and accents; the first 20,000 characters count."""
    plain = unicodedata.normalize("NFKD", text[:MAX_INDEXED])
    bare = "".join(char for char in plain if not unicodedata.combining(char))
    return [word[:MAX_WORD] for word in _WORD.findall(bare.casefold())]


def search_terms(text: str) -> str | None:
    """A query that matches texts with all words of `text`, those of three letters and more also as beginnings:
    `fix* AND a AND bug*`. None when there is no word in it. What people type cannot break it."""
    words = list(dict.fromkeys(words_of(text)))[:MAX_TERMS]
    if not words:
        return None
    return " AND ".join(f"{word}*" if len(word) >= PREFIX_FROM else word for word in words)
