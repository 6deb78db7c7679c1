"""Words of a text as full-text search knows them, the same for both databases."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+")
PREFIX_FROM: Final = 3
MAX_TERMS: Final = 12
MAX_WORD: Final = 64
MAX_INDEXED: Final = 20_000


def words_of(text: str) -> list[str]:
    """Letters and digits in runs, without case and accents; the first 20,000 characters count."""
    plain = text[:MAX_INDEXED]
    if not plain.isascii():
        apart = unicodedata.normalize("NFKD", plain)
        plain = "".join(char for char in apart if not unicodedata.combining(char))
    return [word[:MAX_WORD] for word in _WORD.findall(plain.casefold())]


def search_words(text: str) -> list[str]:
    """The different words of a query, twelve at the most."""
    return list(dict.fromkeys(words_of(text)))[:MAX_TERMS]


def search_query(words: Sequence[str], completions: Mapping[str, Sequence[str]]) -> str:
    """A query that matches texts with all of `words`, those of three letters and more also as beginnings:
    `(bug OR bugs) AND fix* AND a`. `completions` are all words that begin like one, where they are known and
    few. What people type cannot break it: it consists of letters and digits.
    """
    return " AND ".join(_term(word, completions.get(word, ())) for word in words)


def _term(word: str, completions: Sequence[str]) -> str:
    if completions:
        return f"({' OR '.join(completions)})"
    return f"{word}*" if len(word) >= PREFIX_FROM else word
