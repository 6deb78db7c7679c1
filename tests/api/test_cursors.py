"""Cursors are opaque and cannot be made up."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster.api.cursors import decode_cursor, encode_cursor, integer_cursor
from muster.api.errors import BadCursor


@given(
    st.lists(
        st.one_of(
            st.integers(-(2**63), 2**63 - 1),
            st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00")),
        )
    )
)
def test_a_cursor_gives_back_its_key(key: list[int | str]) -> None:
    """OD-40"""
    assert decode_cursor(encode_cursor(key), [type(part) for part in key]) == tuple(key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!",
        "abc",
        "bnVsbA",
        "W10",
        encode_cursor(["x"]),
        encode_cursor([1, 2]),
        encode_cursor([1]) + "=",
        "W10\n",
    ]
    + [
        base64.urlsafe_b64encode(raw).decode()
        for raw in (b"[99999999999999999999]", b"[1 ]", b"[true]", b"[1.5]", b"\xff")
    ],
)
def test_a_cursor_made_elsewhere_is_refused(text: str) -> None:
    """OD-40"""
    with pytest.raises(BadCursor):
        decode_cursor(text, (int,))


def test_no_cursor_is_the_beginning() -> None:
    """OD-40"""
    assert integer_cursor(None) is None
    assert integer_cursor(encode_cursor([7])) == 7
