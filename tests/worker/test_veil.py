"""A secret does not pass, however a stream is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from muster.worker.veil import Veil

SECRET = "abab-secret"


@given(
    st.lists(st.sampled_from([SECRET, "ab", "a", "b-secret", "\n", "words "])).map("".join), st.integers(1, 7)
)
def test_a_secret_is_replaced_wherever_the_pieces_end(text: str, size: int) -> None:
    """SW-6c"""
    veil, data = Veil(SECRET), text.encode()
    shown = b"".join(veil.feed(data[at : at + size]) for at in range(0, len(data), size)) + veil.finish()
    assert shown.decode() == text.replace(SECRET, "***")


def test_whole_lines_are_not_held_back_and_no_secret_changes_nothing() -> None:
    assert Veil(SECRET).feed(b"line with abab\n") == b"line with abab\n"
    assert Veil(None).feed(b"abab-secret") == b"abab-secret"
    assert Veil("").finish() == b""
